// The wgmma kernels for f16, apart so that they compile beside the others.

#include "ops/cuda/wgmma/wgmma_kernel.cuh"

namespace quantring::cuda {

std::span<const WgmmaChoice> wgmma_choices_f16() {
  return wgmma_choices<__half>();
}

}  // namespace quantring::cuda
