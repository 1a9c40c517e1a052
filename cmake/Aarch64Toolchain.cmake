# Cross-builds for 64-bit ARM with Debian's compiler (crossbuild-essential-arm64). Libraries come from
# the arm64 packages, which Debian installs beside this machine's own (packaging/setup.sh package).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# This machine's own libraries must not be found in their place.
set(CMAKE_IGNORE_PATH /usr/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu /usr/include/x86_64-linux-gnu)
# Test programs run under qemu: ctest, and cmake where it must run what it built.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
