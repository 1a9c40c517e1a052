#include "ops/cuda/coding/quantize_kernels.cuh"

namespace quantring::cuda {

void quantize_f16(const Queue& queue, const QuantizePlan& plan, int bits,
                  const QuantizeCall& call) {
  quantize_type<__half>(queue, plan, bits, call);
}

}  // namespace quantring::cuda
