#include "ops/cuda/coding/quantize_kernels.cuh"

namespace quantring::cuda {

void quantize_bf16(const Queue& queue, const QuantizePlan& plan, int bits,
                   const QuantizeCall& call) {
  quantize_type<__nv_bfloat16>(queue, plan, bits, call);
}

}  // namespace quantring::cuda
