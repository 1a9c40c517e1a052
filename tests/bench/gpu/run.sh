#!/usr/bin/env bash
# All checks and measurements that need a GPU, in one call.
#   tests/bench/gpu/run.sh [STEP...]     steps: build check sanitize start torch parts codecs; all
# QUANTRING_BUILD=DIR: programs already built (default build/cuda, built here)
# QUANTRING_OUT=DIR: logs and figures (default build/gpu). Exits with 1 if a step failed.
# The steps torch and parts need python3 with PyTorch and timm.
set -u
cd "$(dirname "$0")/../../.."
steps=${*:-build check sanitize start torch parts codecs}
build=${QUANTRING_BUILD:-build/cuda}
out=${QUANTRING_OUT:-build/gpu}
here=tests/bench/gpu
failed=()
mkdir -p "$out"

# run NAME COMMAND...: writes NAME.log; prints its last lines if the command fails.
run() {
  local name=$1 start=$SECONDS
  shift
  if "$@" >"$out/$name.log" 2>&1; then
    if grep -q SKIPPED "$out/$name.log"; then
      echo "skip $name: $(grep -m1 SKIPPED "$out/$name.log")"
    else
      echo "ok   $name ($((SECONDS - start)) s)"
    fi
  else
    echo "FAIL $name (exit status $?): $out/$name.log"
    tail -n "${TAIL:-15}" "$out/$name.log"
    failed+=("$name")
  fi
}

gpu_tests() {
  for program in "$build"/tests/test_cu* "$build"/tests/test_*_device* \
    "$build"/tests/test_stage_runner "$build"/tests/test_golden*; do
    [ -x "$program" ] && echo "$program"
  done
}

step_build() {
  [ -n "${QUANTRING_BUILD:-}" ] && return
  run configure cmake --preset cuda
  run compile cmake --build --preset cuda -j
}

step_check() {
  for program in $(gpu_tests); do
    run "$(basename "$program")" "$program"
    grep -h "MESSAGE:" "$out/$(basename "$program").log" | grep -E "DeiT|top-1" | sed 's/.*MESSAGE: */     /'
  done
  local model=models/fashion_mnist_vit.safetensors
  for precision in f32 f16 bf16; do
    run "compare_$precision" "$build/quantring" compare --random --model $model --precision $precision
    tail -n 1 "$out/compare_$precision.log" | sed 's/^/     /'
  done
}

step_sanitize() {
  for tool in memcheck racecheck; do
    for program in $(gpu_tests); do
      # One small model is enough; real weights would take hours.
      case $program in *photos* | *golden) continue ;; esac
      run "${tool}_$(basename "$program")" timeout "${SANITIZE_SECONDS:-600}" \
        compute-sanitizer --tool $tool --error-exitcode 9 "$program"
    done
  done
}

# Time from process start to the first answer, with an empty tuning cache and with the choices of the
# run before; memory of a stage.
step_start() {
  local cache
  cache=$(mktemp -d)
  for batch in 1 128; do
    for remembered in no yes; do
      XDG_CACHE_HOME=$cache run "start_${batch}_$remembered" \
        "$build/quantring" bench --model-shape vit_base --device cuda --batch $batch
      echo "     kernels remembered: $remembered"
      sed 's/^/     /' "$out/start_${batch}_$remembered.log"
    done
  done
  rm -rf "$cache"
}

step_torch() {
  python3 $here/compare_torch.py "$build/tests/bench_stage" --out "$out/torch.json" \
    --seconds "${COMPILE_SECONDS:-60}" --modes "${COMPILE_MODES:-default}" || failed+=(torch)
}

step_parts() {
  python3 $here/parts.py vit_tiny vit_base vit_large || failed+=(parts)
}

step_codecs() {
  "$build/tests/bench_codec_cuda" || failed+=(codecs)
}

nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.max.sm,power.limit --format=csv,noheader ||
  { echo "error: there is no NVIDIA GPU here"; exit 1; }
for step in $steps; do
  echo "== $step"
  "step_$step"
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
echo "all steps passed"
