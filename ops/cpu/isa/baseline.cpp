#include "ops/cpu/isa/table.h"

namespace quantring::cpu {

constexpr Kernels kernels_baseline = make_kernels("baseline");

}  // namespace quantring::cpu
