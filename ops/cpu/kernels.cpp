#include "ops/cpu/kernels.h"

namespace quantring::cpu {

const Kernels& kernels() {
  static const Kernels& best = [&]() -> const Kernels& {
    const Kernels* sets[max_kernel_sets];
    available_kernels(sets);
    return *sets[0];
  }();
  return best;
}

}  // namespace quantring::cpu
