// The wgmma kernels for bf16, apart so that they compile beside the others.

#include "ops/cuda/wgmma/wgmma_kernel.cuh"

namespace quantring::cuda {

std::span<const WgmmaChoice> wgmma_choices_bf16() {
  return wgmma_choices<__nv_bfloat16>();
}

}  // namespace quantring::cuda
