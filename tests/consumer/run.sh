#!/bin/sh
# Installs what BUILD has into an empty folder, builds small programs against it with find_package and
# with pkg-config, and runs them. Usage: tests/consumer/run.sh BUILD CMAKE
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
build="$1"
cmake="$2"
model="$here/../../models/fashion_mnist_vit.safetensors"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

"$cmake" --install "$build" --prefix "$work/prefix" >"$work/log" || { cat "$work/log"; exit 1; }
library="$(find "$work/prefix" -name libquantring.so)"
export LD_LIBRARY_PATH="$(dirname "$library")" PKG_CONFIG_PATH="$(dirname "$library")/pkgconfig"
"$work/prefix/bin/quantring" --version

# Only the API is visible.
nm -D --defined-only "$library" | c++filt >"$work/symbols"
grep -q ' qr_session_next$' "$work/symbols" && grep -q ' quantring::Session::next()' "$work/symbols" || {
  echo "error: libquantring.so does not show its API"
  exit 1
}
if grep -vE '^[0-9a-f]+ [A-Z] (qr_[a-z_]+|quantring::[^ ].*)$' "$work/symbols"; then
  echo "error: libquantring.so shows more than its API"
  exit 1
fi

"$cmake" -S "$here/installed" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Debug \
  >"$work/log" && "$cmake" --build "$work/build" -j 2 >>"$work/log" || { cat "$work/log"; exit 1; }
# One folder was the source, another is where it is now: nothing may name the first.
mv "$work/prefix" "$work/moved"
library="$(find "$work/moved" -name libquantring.so)"
export LD_LIBRARY_PATH="$(dirname "$library")" PKG_CONFIG_PATH="$(dirname "$library")/pkgconfig"
# The programs find what was installed with them, wherever they are called.
(cd / && "$work/moved/bin/quantring" demo --limit 6 --link-mbps 1000 --device cpu >"$work/log" 2>&1) ||
  grep -q 'apt install dataset-fashion-mnist' "$work/log" || {
  echo "error: the installed demo failed"
  cat "$work/log"
  exit 1
}
for program in quantring quantring-weights; do
  bash -c '. "$1" && PATH="$2:$PATH" && COMP_WORDS=("$3" --ver) && COMP_CWORD=1 && _quantring &&
    [ "${COMPREPLY[*]}" = --version ]' bash "$work/moved/share/bash-completion/completions/$program" \
    "$work/moved/bin" "$program" || { echo "error: bash completes nothing for $program"; exit 1; }
done
[ -f "$work/moved/share/zsh/site-functions/_quantring" ] || { echo "error: no completion for zsh"; exit 1; }
flags="$(pkg-config --cflags --libs quantring)"
# shellcheck disable=SC2086  # several flags
c++ -std=c++20 "$here/consumer.cpp" $flags -pthread -o "$work/build/pkg_config_cpp"
# shellcheck disable=SC2086
cc -std=c99 -pedantic-errors "$here/consumer.c" $flags -pthread -o "$work/build/pkg_config_c"

for program in consumer_cpp consumer_static pkg_config_cpp consumer_c pkg_config_c; do
  "$work/build/$program" "$model" >"$work/$program" || { echo "error: $program failed"; exit 1; }
  [ "$(wc -l <"$work/$program")" -eq 10 ] || { echo "error: $program printed other than 10 logits"; exit 1; }
  echo "$program: a ring of three nodes gives the logits of one process"
done
for other in consumer_static pkg_config_cpp; do
  cmp "$work/consumer_cpp" "$work/$other"
done
cmp "$work/consumer_c" "$work/pkg_config_c"
