#!/usr/bin/env bash
# Makes OUT/quantring_VERSION_ARCH.deb from the static programs in OUT/ARCH. Reproducible: times are
# SOURCE_DATE_EPOCH, the owner is root. Usage: packaging/make_deb.sh OUT ARCH VERSION
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
out="$(cd "$1" && pwd)"
arch="$2"
version="$3"
root="$out/root-$arch"
doc="$root/usr/share/doc/quantring"
maintainer="QuantRing maintainers <maintainers@quantring.invalid>"
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
umask 022

# Source packages and versions of the code linked in, including header-only libraries.
linked_in() {
  for package in "libc6-dev:$arch" "libssl-dev:$arch" "zlib1g-dev:$arch" \
    "libjpeg-dev:$arch" "libpng-dev:$arch" "libwebp-dev:$arch" libasio-dev libfmt-dev libcli11-dev \
    nlohmann-json3-dev libtomlplusplus-dev libstb-dev; do
    dpkg-query -W -f='${source:Package} (= ${source:Version})\n' "$package"
  done | sort -u | paste -sd, | sed 's/,/, /g'
}

rm -rf "$root"
mkdir -p "$root/DEBIAN" "$root/etc/quantring" "$root/var/lib/quantring" "$doc/examples"
install -D -m 755 -t "$root/usr/bin" "$out/$arch/quantring" "$out/$arch/quantring-weights"
install -D -m 644 -t "$root/lib/systemd/system" "$here"/systemd/*.service
install -D -m 644 "$here/deb/sysusers.conf" "$root/usr/lib/sysusers.d/quantring.conf"
for service in node camera; do
  install -D -m 644 "$here/deb/quantring-$service.default" "$root/etc/default/quantring-$service"
done
install -D -m 644 "$here/deb/lintian-overrides" "$root/usr/share/lintian/overrides/quantring"
# The demo's model with its codec file; its pictures are in the package dataset-fashion-mnist.
install -D -m 644 -t "$root/usr/share/quantring" "$here"/../models/fashion_mnist_vit{,.codec}.safetensors
for program in quantring quantring-weights; do
  install -D -m 644 "$here/completion/quantring.bash" "$root/usr/share/bash-completion/completions/$program"
done
install -D -m 644 -t "$root/usr/share/zsh/vendor-completions" "$here/completion/_quantring"
install -m 644 "$here/deb/copyright" "$doc/copyright"
# An example and not a file in /etc: every installation writes its own, and upgrades should not ask about
# changes.
install -m 644 -t "$doc/examples" "$here/deb/ring.toml" "$here"/systemd/*.conf
install -D -m 644 -t "$doc/monitoring" "$here"/monitoring/*
for page in quantring quantring-weights; do
  install -D -m 644 "$here/man/$page.1" "$root/usr/share/man/man1/$page.1"
  gzip -9n "$root/usr/share/man/man1/$page.1"
done
printf 'quantring (%s) unstable; urgency=medium\n\n  * Built from the source of this version.\n\n -- %s  %s\n' \
  "$version" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
chmod 644 "$doc/changelog.gz"

install -m 755 -t "$root/DEBIAN" "$here/deb/postinst" "$here/deb/prerm" "$here/deb/postrm"
printf '/etc/default/quantring-camera\n/etc/default/quantring-node\n' >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<CONTROL
Package: quantring
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f1)
Depends: systemd | systemd-sysusers
Suggests: dataset-fashion-mnist, ffmpeg, gstreamer1.0-tools, gstreamer1.0-plugins-good
Static-Built-Using: $(linked_in)
Section: science
Priority: optional
Description: Vision Transformers as a ring of stages over small devices
 QuantRing runs a Vision Transformer as a ring of pipeline stages on small
 devices connected by slow, changing links. Activations cross a link coded in as
 few bits as its capacity requires.
 .
 This package has the programs, statically linked for the CPU, and two services
 that are not enabled by default: quantring-node runs one stage of a ring, and
 quantring-camera runs the head, which sends a camera's frames through it.
CONTROL
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root"/DEBIAN/{conffiles,control,md5sums}
dpkg-deb --root-owner-group -Zxz --build "$root" "$out/quantring_${version}_$arch.deb" >/dev/null
rm -rf "$root"
echo "$out/quantring_${version}_$arch.deb"
