// OpenBLAS picks its kernels by CPU model, in a constructor of priority 101. A release older than
// the CPU takes the Haswell kernels: 0.3.21 on an AMD Zen 5 ran at half speed. AMD's AVX-512 cores
// run the SkylakeX kernels well, so they are named before OpenBLAS looks. Intel's are left to its
// own detection.

#include <cstdlib>

#include "ops/cpu/openblas_core.h"

namespace quantring::cpu {
namespace {

// Same priority as OpenBLAS's: the archive that is named first on the link line runs first, and
// ours is, because it needs OpenBLAS's symbols. (Lower numbers are reserved for the compiler.)
__attribute__((constructor(101))) void choose_core() {
  __builtin_cpu_init();
  if (__builtin_cpu_is("intel")) return;
  // __builtin_cpu_supports also asks whether the operating system saves the wide registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);  // 0: a value that the user has set stays
  }
}

}  // namespace

void link_openblas_core() {}

}  // namespace quantring::cpu
