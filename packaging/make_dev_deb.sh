#!/usr/bin/env bash
# OUT/libquantring-dev_VERSION_ARCH.deb from the installed library in OUT/library-ARCH (cmake --install with
# the prefix OUT/library-ARCH/usr). The same bytes for the same files. Usage: packaging/make_dev_deb.sh OUT ARCH VERSION
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
out="$(cd "$1" && pwd)"
arch="$2"
version="$3"
root="$out/library-$arch"
doc="$root/usr/share/doc/libquantring-dev"
maintainer="QuantRing maintainers <maintainers@quantring.invalid>"
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
umask 022

library="$(find "$root/usr/lib" -name 'libquantring.so.*.*.*' -type f)"
[ -n "$library" ] || {
  echo "error: no libquantring.so in $root: install the component \"library\" there first" >&2
  exit 1
}
# Packages of the shared libraries, with the versions that the symbols need.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/debian"
printf 'Source: quantring\n\nPackage: libquantring-dev\nArchitecture: any\n' >"$work/debian/control"
depends="$(cd "$work" && DEB_HOST_ARCH="$arch" dpkg-shlibdeps -O "$library" | sed -n 's/^shlibs:Depends=//p')"

mkdir -p "$root/DEBIAN" "$doc"
chmod -R u=rwX,go=rX "$root"
chmod 644 "$library"
install -D -m 644 "$here/deb/lintian-overrides-dev" "$root/usr/share/lintian/overrides/libquantring-dev"
install -m 644 "$here/deb/copyright" "$doc/copyright"
printf 'quantring (%s) unstable; urgency=medium\n\n  * Built from the source of this version.\n\n -- %s  %s\n' \
  "$version" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
chmod 644 "$doc/changelog.gz"
echo "activate-noawait ldconfig" >"$root/DEBIAN/triggers"
cat >"$root/DEBIAN/control" <<CONTROL
Package: libquantring-dev
Source: quantring
Version: $version
Architecture: $arch
Multi-Arch: same
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)
Depends: $depends
Suggests: libssl-dev, libjpeg-dev, libpng-dev, libwebp-dev, zlib1g-dev
Section: libdevel
Priority: optional
Description: Vision Transformers as a ring of stages, library and headers
 QuantRing runs a Vision Transformer in one process or as a ring of pipeline
 stages over small devices with slow links.
 .
 This package has the C++ and C headers, libquantring.so and libquantring.a, the
 CMake package (find_package(QuantRing)) and the pkg-config file. The suggested
 packages are for programs that link libquantring.a.
CONTROL
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root"/DEBIAN/{control,md5sums,triggers}
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/libquantring-dev_${version}_$arch.deb" >/dev/null
rm -rf "$root"
echo "$out/libquantring-dev_${version}_$arch.deb"
