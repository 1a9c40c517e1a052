#!/bin/sh
# Installs with apt what is needed and missing. Usage: packaging/setup.sh build|test|demo|fuzz
# Asks for root (sudo) only when something is missing. Debian 12, Ubuntu 22.04 and 24.04.
set -eu

build="build-essential cmake ninja-build libasio-dev libstb-dev libcli11-dev nlohmann-json3-dev
  libtomlplusplus-dev libfmt-dev zlib1g-dev libssl-dev"
case "${1:-build}" in
  build) packages="$build" ;;
  test) packages="$build doctest-dev dataset-fashion-mnist" ;;
  demo) packages="$build dataset-fashion-mnist" ;;
  fuzz) packages="$build doctest-dev clang python3" ;;
  *) echo "usage: $0 build|test|demo|fuzz" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null; then
  echo "no apt-get here; what is missing must be installed by hand, out of:" $packages >&2
  exit 0
fi

missing=""
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "error: these packages are missing and only root can install them:$missing" >&2
    exit 1
  fi
  root="sudo"
fi
echo "Installing:$missing"
$root apt-get update -qq
# clang only recommends the sanitizers' and libFuzzer's runtimes, which fuzzing needs.
recommends="--no-install-recommends"
[ "${1:-build}" = fuzz ] && recommends="--install-recommends"
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $recommends $missing >/dev/null
