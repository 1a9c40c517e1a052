#!/usr/bin/env bash
# Makes build/package/quantring_VERSION_ARCH.deb, libquantring-dev_VERSION_ARCH.deb and the two programs in
# build/package/ARCH/, and tests them on this machine, 64-bit ARM under qemu.
# Usage: packaging/package.sh [amd64|arm64]...
# Reproducible for the same commit and installed libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
out=build/package
own="$(dpkg --print-architecture)"
[ $# -gt 0 ] || set -- "$own"

# Project version and commit time, so that later versions compare greater.
version="$(sed -n 's/^project(QuantRing VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)"
if commit="$(git rev-parse --short=10 HEAD 2>/dev/null)"; then
  export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
  version="$version+git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$commit"
  git diff --quiet HEAD || version="$version.modified"
else
  export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(stat -c %Y CMakeLists.txt)}"
fi

for arch in "$@"; do
  case "$arch" in
    "$own") preset=static; strip=strip; emulator=() ;;
    arm64) preset=static-arm64; strip=aarch64-linux-gnu-strip; emulator=(qemu-aarch64-static) ;;
    *) echo "error: cannot build for '$arch' on $own: only arm64 is cross-built" >&2; exit 2 ;;
  esac
  echo "== $arch: build"
  multiarch="$(dpkg-architecture -a "$arch" -q DEB_HOST_MULTIARCH)"
  cmake --preset "$preset" -DQUANTRING_TESTS=ON -DCMAKE_INSTALL_LIBDIR="lib/$multiarch" >/dev/null
  cmake --build --preset "$preset" \
    --target quantring quantring-weights test_golden_fixtures quantring_shared quantring_static
  rm -rf "${out:?}/$arch"
  mkdir -p "$out/$arch"
  for program in quantring quantring-weights; do
    "$strip" --remove-section=.comment --remove-section=.note -o "$out/$arch/$program" "build/$preset/$program"
  done
  echo "== $arch: check"
  packaging/check_static.sh "$out/$arch" "${emulator[@]}"
  echo "== $arch: golden tests of tiny models"
  "${emulator[@]}" "build/$preset/tests/test_golden_fixtures" | tail -n 3
  echo "== $arch: package"
  packaging/make_deb.sh "$out" "$arch" "$version"
  rm -rf "$out/unpacked"
  dpkg-deb -x "$out/quantring_${version}_$arch.deb" "$out/unpacked"
  for file in quantring/fashion_mnist_vit.safetensors bash-completion/completions/quantring{,-weights} \
    zsh/vendor-completions/_quantring; do
    [ -s "$out/unpacked/usr/share/$file" ] || { echo "error: the package lacks $file" >&2; exit 1; }
  done
  [ "$("${emulator[@]}" "$out/unpacked/usr/bin/quantring" --complete cl)" = classify ] || {
    echo "error: the packaged program completes nothing" >&2
    exit 1
  }
  rm -rf "$out/unpacked"
  rm -rf "$out/library-$arch"
  cmake --install "build/$preset" --component library --prefix "$PWD/$out/library-$arch/usr" >/dev/null
  "$strip" --strip-unneeded "$out/library-$arch/usr/lib/$multiarch"/libquantring.so.*.*.*
  "$strip" --strip-debug --enable-deterministic-archives "$out/library-$arch/usr/lib/$multiarch/libquantring.a"
  packaging/make_dev_deb.sh "$out" "$arch" "$version"
  if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning "$out/quantring_${version}_$arch.deb" \
      "$out/libquantring-dev_${version}_$arch.deb"
  fi
done

# Programs of the first architecture run on this machine; the others must agree with them.
for arch in "${@:2}"; do
  echo "== logits of $arch against $1"
  packaging/compare_logits.sh "$out/$1" "$out/$arch"
done
echo
ls -l "$out"/*"$version"*.deb
