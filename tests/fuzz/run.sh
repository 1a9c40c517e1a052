#!/bin/sh
# Runs fuzz targets of the fuzz preset one after the other; ends with 1 if any had a finding.
# FUZZ_TARGETS: which, default all. FUZZ_SECONDS, FUZZ_RUNS: each ends after so many seconds (0: no
# limit) or executions (-1: no limit), whichever comes first. What reached new code is kept in
# build/fuzz/corpus, where the next run goes on.
set -u
cd "$(dirname "$0")/../.."
build=build/fuzz
mkdir -p $build/findings $build/logs
python3 tests/fuzz/make_seeds.py $build/seeds || exit 1

[ -n "${FUZZ_TARGETS:-}" ] || FUZZ_TARGETS=$(cd $build/fuzz && echo fuzz_*)
status=0
printf '%-18s %12s %9s %9s\n' target executions coverage 'peak MB'
for target in $FUZZ_TARGETS; do
  corpus=$build/corpus/$target seeds=$build/seeds/$target log=$build/logs/$target
  mkdir -p "$corpus"
  [ -d "$seeds" ] || seeds=
  # shellcheck disable=SC2086  # no seeds: no argument
  $build/fuzz/"$target" -max_total_time="${FUZZ_SECONDS:-60}" -runs="${FUZZ_RUNS:--1}" \
    -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/findings/$target-" "$corpus" $seeds >"$log" 2>&1
  result=$?
  awk -v target="$target" '/ cov: / { sub(/.* cov: /, ""); cov = $1 }
    /^stat::number_of_executed_units:/ { runs = $2 }
    /^stat::peak_rss_mb:/ { rss = $2 }
    END { printf "%-18s %12s %9s %9s\n", target, runs, cov, rss }' "$log"
  if [ $result -ne 0 ]; then
    status=1
    tail -n 30 "$log"
    echo "error: $target failed; replay with: $build/fuzz/$target FILE (above: Test unit written to FILE)"
  fi
done
exit $status
