#include "ops/cuda/mma/mma_kernel.cuh"

namespace quantring::cuda::mma {

Kernel kernel_f16(int shape) {
  return kernel_at<__half>(shape, std::make_integer_sequence<int, shape_count>());
}

}  // namespace quantring::cuda::mma
