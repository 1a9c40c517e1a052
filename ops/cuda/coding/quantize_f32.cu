#include "ops/cuda/coding/quantize_kernels.cuh"

namespace quantring::cuda {

void quantize_f32(const Queue& queue, const QuantizePlan& plan, int bits,
                  const QuantizeCall& call) {
  quantize_type<float>(queue, plan, bits, call);
}

}  // namespace quantring::cuda
