#include "ops/cuda/attention/attention.h"

#include <algorithm>

#include "ops/cuda/attention/attention_kernels.h"

namespace quantring::cuda {

std::size_t attention_scratch_bytes(const Queue&, AttentionShape, DType) {
  return 0;
}

// The choice was measured on an H100 (tests/ops/cuda/bench_attention.cu).
void attention(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void*,
               void* out) {
  const std::int64_t heads = shape.images * shape.heads;
  if (heads == 0 || shape.tokens == 0) return;
  const bool short_sequence = shape.tokens <= 64;
  const bool few_heads = 2 * heads <= queue.multiprocessors;
  const bool whole_fits = attn::whole_fits(queue, shape, dtype);
  if (!attn::stream_fits(shape, dtype)) {
    attn::plain(queue, qkv, dtype, shape, out);
  } else if (attn::hopper_fits(queue, shape, dtype) && !short_sequence &&
             !(few_heads && whole_fits)) {
    attn::hopper(queue, qkv, dtype, shape, out);
  } else if (whole_fits && !short_sequence) {
    // As many blocks as fit on the multiprocessors, with at least a tile of 16 queries for each of
    // their four warps.
    const bool large = shape.tokens > 208 || shape.dim > 64 * shape.heads;
    const std::int64_t room = (large ? 2 : 3) * queue.multiprocessors;
    const std::int64_t parts = std::clamp<std::int64_t>(room / heads, 1, (shape.tokens + 63) / 64);
    attn::whole(queue, qkv, dtype, shape, static_cast<int>(parts), out);
  } else {
    attn::stream(queue, qkv, dtype, shape, out);
  }
}

}  // namespace quantring::cuda
