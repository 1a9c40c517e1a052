#pragma once
// Makes OpenBLAS use its AVX-512 kernels on CPUs that it does not know.

namespace quantring::cpu {

// Does nothing by itself: a call keeps openblas_core.o, whose constructor does the work, in the
// program.
void link_openblas_core();

}  // namespace quantring::cpu
