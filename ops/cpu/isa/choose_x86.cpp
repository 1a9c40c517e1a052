#include <cpuid.h>

#include "ops/cpu/isa/choose.h"

namespace quantring::cpu {
namespace {

// Not every compiler's __builtin_cpu_supports knows this name.
bool has_f16c() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

}  // namespace

int available_kernels(const Kernels* (&sets)[max_kernel_sets]) {
  __builtin_cpu_init();
  int count = 0;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    sets[count++] = &kernels_avx512;
  }
  if (avx2) sets[count++] = &kernels_avx2;
  sets[count++] = &kernels_baseline;
  return count;
}

}  // namespace quantring::cpu
