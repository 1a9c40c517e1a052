#include "ops/cpu/openblas_core.h"

namespace quantring::cpu {

// Elsewhere OpenBLAS's own choice is good.
void link_openblas_core() {}

}  // namespace quantring::cpu
