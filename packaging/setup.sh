#!/bin/sh
# Installs missing packages with apt.
# Usage: packaging/setup.sh build|test|demo|fuzz|tidy|coverage|cuda|package [ARCHITECTURE...]
# Uses sudo only if packages are missing. Debian 12, Ubuntu 22.04 and 24.04.
# cuda: without nvcc 12.6 or newer, downloads NVIDIA's compiler from its Python packages (270 MB on disk)
# to ~/.cache/quantring/cuda, where cmake/QuantRingCuda.cmake finds it.
# package: for a foreign architecture the cross compiler, its libraries and qemu.
set -eu

build="build-essential cmake ninja-build libasio-dev libstb-dev libcli11-dev nlohmann-json3-dev
  libtomlplusplus-dev libfmt-dev zlib1g-dev libssl-dev libjpeg-dev libpng-dev libwebp-dev"
fetched="${XDG_CACHE_HOME:-$HOME/.cache}/quantring/cuda"

# An nvcc of 12.6 or newer.
have_nvcc() {
  for nvcc in "${CUDACXX:-nvcc}" "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" nvcc /usr/local/cuda/bin/nvcc \
    "$fetched/bin/nvcc"; do
    version="$("$nvcc" --version 2>/dev/null | sed -n 's/.*release \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')"
    [ -n "$version" ] && [ "${version% *}" -gt 12 ] && return
    [ "${version% *}" = 12 ] && [ "${version#* }" -ge 6 ] && return
  done
  return 1
}

what="${1:-build}"
[ $# -eq 0 ] || shift
fetch=false
foreign=""
case "$what" in
  build) packages="$build" ;;
  test) packages="$build doctest-dev dataset-fashion-mnist clang-format-14 pkg-config python3" ;;
  tidy) packages="$build clang-format-14 clang-tidy-14" ;;
  coverage) packages="$build doctest-dev dataset-fashion-mnist gcovr" ;;
  demo) packages="$build dataset-fashion-mnist" ;;
  fuzz) packages="$build doctest-dev clang python3" ;;
  cuda)
    packages="$build"
    have_nvcc || { fetch=true; packages="$build python3-pip"; }
    ;;
  package)
    packages="$build doctest-dev file"
    for architecture in "$@"; do
      [ "$architecture" != "$(dpkg --print-architecture)" ] || continue
      foreign="$architecture"
      packages="$packages crossbuild-essential-$foreign qemu-user-static libssl-dev:$foreign zlib1g-dev:$foreign
        libjpeg-dev:$foreign libpng-dev:$foreign libwebp-dev:$foreign libstdc++6:$foreign"
    done
    ;;
  *) echo "usage: $0 build|test|demo|fuzz|tidy|coverage|cuda|package [ARCHITECTURE...]" >&2; exit 2 ;;
esac

install_missing() {
  if ! command -v apt-get >/dev/null; then
    echo "there is no apt-get; install what is missing of:" $packages >&2
    return
  fi
  missing=""
  for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0

  root=""
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "error: these packages are missing, install them as root:$missing" >&2
      exit 1
    fi
    root="sudo"
  fi
  # Debian's servers have all architectures. Ubuntu's servers for x86-64 do not, and apt-get update would
  # fail.
  if [ -n "$foreign" ] && ! apt-cache show "libssl-dev:$foreign" >/dev/null 2>&1; then
    if ! grep -q '^ID=debian' /etc/os-release; then
      echo "error: the package servers of this system are not set up for $foreign. On Ubuntu: limit them to this" \
        "machine's architecture (arch=amd64), add Ubuntu's ports server with arch=$foreign, then run" \
        "dpkg --add-architecture $foreign and apt-get update. Or leave $foreign out: make package ARCHS=$(dpkg --print-architecture)" >&2
      exit 1
    fi
    $root dpkg --add-architecture "$foreign"
  fi
  echo "Installing:$missing"
  $root apt-get update -qq
  # The runtimes of sanitizers and libFuzzer are only recommended by clang.
  recommends="--no-install-recommends"
  [ "$what" = fuzz ] && recommends="--install-recommends"
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $recommends $missing >/dev/null
}

# The packages share the folder nvidia/cu13, a toolkit without lib64.
fetch_nvcc() {
  echo "Downloading NVIDIA's CUDA compiler to $fetched"
  partial="$fetched.partial"
  rm -rf "$partial" "$fetched"
  mkdir -p "$partial"
  export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
  python3 -m pip install --quiet --no-deps --only-binary :all: --target "$partial" \
    'nvidia-cuda-nvcc==13.0.*' 'nvidia-cuda-crt==13.0.*' 'nvidia-nvvm==13.0.*' \
    'nvidia-cuda-runtime==13.0.*' 'nvidia-cuda-cccl==13.0.*' || {
    echo "error: the CUDA compiler could not be downloaded: install the CUDA toolkit 12.6 or newer, or" \
      "build without (make test CUDA=OFF)" >&2
    exit 1
  }
  ln -s lib "$partial/nvidia/cu13/lib64"
  # Last, so that an interrupted download is repeated.
  mv "$partial/nvidia/cu13" "$fetched"
  rm -rf "$partial"
}

install_missing
if $fetch; then fetch_nvcc; fi
