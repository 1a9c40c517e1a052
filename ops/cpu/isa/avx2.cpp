#include "ops/cpu/isa/table.h"

namespace quantring::cpu {

constexpr Kernels kernels_avx2 = make_kernels("avx2");

}  // namespace quantring::cpu
