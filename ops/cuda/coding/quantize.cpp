#include "ops/cuda/coding/quantize.h"

#include <algorithm>

#include "ops/coding/bit_packing.h"
#include "ops/coding/coding_clip.h"
#include "ops/cuda/coding/coding.h"

namespace quantring::cuda {

bool held_fits(const QuantizePlan& plan, ConstTensor values) {
  const std::int64_t each = values.shape.elements() / values.shape[0];
  return plan.threads <= max_held_threads && dtype_bytes(values.dtype) == 2 && each % 8 == 0 &&
         reinterpret_cast<std::uintptr_t>(values.data) % 16 == 0 &&
         // Blocks process whole tiles of 32 vectors.
         each / 8 <= (max_held_vectors * plan.threads - 32) * plan.blocks;
}

QuantizePlan plan_quantize(const Queue& queue, ConstTensor values) {
  const std::int64_t images = values.shape[0], each = values.shape.elements() / images;
  QuantizePlan plan{QuantizePlan::Method::held, 8, max_held_threads};
  if (queue.compute_capability >= 90) {
    // Fewer, longer blocks where the images alone fill the GPU: less redundant work.
    QuantizePlan fewer = plan;
    while (fewer.blocks > 2 && images * fewer.blocks > queue.multiprocessors) fewer.blocks /= 2;
    if (held_fits(fewer, values)) return fewer;
    if (held_fits(plan, values)) return plan;
  }
  plan = {QuantizePlan::Method::kernels, 1, 512};
  // As many blocks as fill the GPU, with at least a tile (256 values) per warp.
  const std::int64_t max =
      std::clamp<std::int64_t>(each / (256 * plan.threads / 32), 1, max_blocks);
  while (plan.blocks * 2 <= max && 2 * images * plan.blocks < 3 * queue.multiprocessors)
    plan.blocks *= 2;
  return plan;
}

std::size_t quantize_scratch_bytes(const Queue&, std::int64_t images, std::int64_t) {
  // For method kernels, whose phases communicate through global memory.
  constexpr std::size_t found_bytes = 64;
  return static_cast<std::size_t>(images) * max_blocks * found_bytes;
}

void quantize_by(const QuantizePlan& plan, const Queue& queue, ConstTensor values, Clip clip,
                 int bits, void* scratch, GridRange* ranges, std::byte* codes) {
  QuantizeCall call{};
  call.values = values.data;
  call.images = values.shape[0];
  call.each = values.shape.elements() / call.images;
  call.dim = static_cast<int>(token_values(values.shape));
  call.clip = clip;
  call.factor = coding::clip_factor(bits);
  call.top = static_cast<float>((1 << bits) - 1);
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
  quantize_by(plan_quantize(queue, values), queue, values, clip, bits, scratch, ranges, codes);
}

}  // namespace quantring::cuda
