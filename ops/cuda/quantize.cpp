#include "ops/cuda/quantize.h"

#include <algorithm>

#include "ops/bit_packing.h"
#include "ops/coding_arithmetic.h"
#include "ops/cuda/coding.h"

namespace quantring::cuda {

QuantizePlan plan_quantize(const Queue& queue, std::int64_t images, std::int64_t each) {
  QuantizePlan plan;
  plan.one_kernel = queue.compute_capability >= 90;
  // As many blocks as fill the GPU, of at least a tile (256 values) a warp.
  const std::int64_t useful = std::max<std::int64_t>(1, each / (256 * (plan.threads / 32)));
  const std::int64_t most = std::min<std::int64_t>(8, useful);
  while (plan.blocks * 2 <= most && images * plan.blocks < queue.multiprocessors) plan.blocks *= 2;
  return plan;
}

std::size_t quantize_scratch_bytes(const Queue&, std::int64_t images, std::int64_t) {
  // Of the kernels that leave what they find in global memory.
  constexpr std::size_t most_blocks = 16, found_bytes = 1024;
  return static_cast<std::size_t>(images) * most_blocks * found_bytes;
}

void quantize_by(const QuantizePlan& plan, const Queue& queue, ConstTensor values, Clip clip,
                 int bits, void* scratch, GridRange* ranges, std::byte* codes) {
  QuantizeCall call{};
  call.values = values.data;
  call.images = values.shape[0];
  call.each = values.shape.elements() / call.images;
  call.clip = clip;
  call.factor = coding::clip_factor(bits);
  call.scratch = scratch;
  call.ranges = ranges;
  call.codes = codes;
  call.code_bytes =
      static_cast<std::int64_t>(packed_bytes(static_cast<std::uint64_t>(call.each), bits));
  switch (values.dtype) {
    case DType::f16:
      return quantize_f16(queue, plan, bits, call);
    case DType::bf16:
      return quantize_bf16(queue, plan, bits, call);
    case DType::f32:
    case DType::u8:
      return quantize_f32(queue, plan, bits, call);
  }
}

void quantize(const Queue& queue, ConstTensor values, Clip clip, int bits, void* scratch,
              GridRange* ranges, std::byte* codes) {
  const std::int64_t images = values.shape[0];
  quantize_by(plan_quantize(queue, images, values.shape.elements() / images), queue, values, clip,
              bits, scratch, ranges, codes);
}

}  // namespace quantring::cuda
