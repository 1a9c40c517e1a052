#include "ops/cuda/mma/mma_kernel.cuh"

namespace quantring::cuda::mma {

Kernel kernel_bf16(int shape) {
  return kernel_at<__nv_bfloat16>(shape, std::make_integer_sequence<int, shape_count>());
}

}  // namespace quantring::cuda::mma
