#include "ops/cpu/isa/table.h"

namespace quantring::cpu {

constexpr Kernels kernels_avx512 = make_kernels("avx512");

}  // namespace quantring::cpu
