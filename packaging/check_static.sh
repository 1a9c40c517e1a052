#!/usr/bin/env bash
# Runs the two static programs in FOLDER, with EMULATOR if given: the logits of a ring of three node
# processes must be bit-identical to those of one process. Writes FOLDER/logits.safetensors. Usage: packaging/check_static.sh FOLDER [EMULATOR]
set -euo pipefail
here="$(cd "$(dirname "$0")/.." && pwd)"
folder="$(cd "$1" && pwd)"
shift
model="$here/models/fashion_mnist_vit.safetensors"
work="$(mktemp -d)"
nodes=()
finish() {
  [ ${#nodes[@]} -eq 0 ] || kill "${nodes[@]}" 2>/dev/null || true
  wait
  rm -rf "$work"
}
trap finish EXIT
fail() {
  echo "error: $*" >&2
  exit 1
}

for program in quantring quantring-weights; do
  file -b "$folder/$program" | tee "$work/file" | cut -d, -f1,2,4
  grep -qE 'static-pie linked|statically linked' "$work/file" || fail "$program is not static"
  readelf -l "$folder/$program" | grep -q INTERP && fail "$program asks for a dynamic linker"
  readelf -d "$folder/$program" | grep -q NEEDED && fail "$program needs shared libraries"
  "$@" "$folder/$program" --version
done

# 8 images of 28x28 pixels, made from bytes of the model's weights.
pictures="$work/noise-images-idx3-ubyte"
printf '\0\0\10\3\0\0\0\10\0\0\0\34\0\0\0\34' >"$pictures"
head -c $((100000 + 8 * 28 * 28)) "$model" | tail -c $((8 * 28 * 28)) >>"$pictures"

cd "$work"
"$@" "$folder/quantring-weights" verify "$model" || fail "the demo model fails verification in $folder"
"$@" "$folder/quantring" classify "$pictures" --model "$model" --quiet --device cpu \
  --logits "$folder/logits.safetensors" || fail "classify failed"

# Not `classify --stages`: a process under qemu can start another one only if the kernel is configured
# for qemu.
echo "model = \"$model\"" >ring.toml
for node in 0 1 2; do
  "$@" "$folder/quantring" node --model "$model" --listen localhost:0 --device cpu --threads 1 --quiet >"node$node" &
  nodes+=($!)
done
for node in 0 1 2; do
  for _ in $(seq 600); do
    [ ! -s "node$node" ] || break
    sleep 0.1
  done
  port="$(sed -n 's/^listening on port \([0-9]*\),.*/\1/p' "node$node")"
  [ -n "$port" ] || fail "node $node did not start"
  # A name, to test the lookup in /etc/hosts.
  printf '[[stage]]\naddress = "localhost:%s"\n' "$port" >>ring.toml
done
"$@" "$folder/quantring" classify "$pictures" --ring ring.toml --codec raw32 --quiet --logits ring.safetensors ||
  fail "the ring failed"
"$@" "$folder/quantring-weights" diff "$folder/logits.safetensors" ring.safetensors ||
  fail "the ring's logits are not those of one process"
"$@" "$folder/quantring" node --model "$model" --listen no-such-name.invalid:0 2>error && fail "an invalid name was resolved"
grep -q "cannot resolve 'no-such-name.invalid'" error || fail "wrong error for an unknown name: $(cat error)"
echo "the logits of a ring of three processes are those of one process"
