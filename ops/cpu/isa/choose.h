#pragma once
// The kernel sets that this CPU supports: one implementation for x86-64, one for architectures with
// a single set.

#include "ops/cpu/kernels.h"

namespace quantring::cpu {

extern const Kernels kernels_avx512;
extern const Kernels kernels_avx2;
extern const Kernels kernels_baseline;

}  // namespace quantring::cpu
