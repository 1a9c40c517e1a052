#include "ops/cuda/attention.h"

#include <algorithm>

#include "ops/cuda/attention_kernels.h"

namespace quantring::cuda {

std::size_t attention_scratch_bytes(const Queue&, AttentionShape, DType) {
  return 0;
}

void attention(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void*,
               void* out) {
  const std::int64_t heads = shape.images * shape.heads;
  if (heads == 0 || shape.tokens == 0) return;
  const std::int64_t tiles = (shape.tokens + 15) / 16;
  if (!attn::stream_fits(shape, dtype)) {
    attn::plain(queue, qkv, dtype, shape, out);
  } else if (heads * tiles <= 2 * queue.multiprocessors) {
    attn::stream(queue, qkv, dtype, shape, true, out);
  } else if (attn::whole_fits(queue, shape, dtype)) {
    // Three blocks of four warps find room on a multiprocessor.
    const std::int64_t parts =
        std::clamp<std::int64_t>(3 * queue.multiprocessors / heads, 1, (tiles + 3) / 4);
    attn::whole(queue, qkv, dtype, shape, static_cast<int>(parts), out);
  } else {
    attn::stream(queue, qkv, dtype, shape, false, out);
  }
}

}  // namespace quantring::cuda
