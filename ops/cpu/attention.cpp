#include "ops/cpu/attention.h"

#include <cmath>

#include "ops/cpu/kernels.h"
#include "ops/cpu/matmul.h"
#include "ops/cpu/thread_pool.h"

namespace quantring::cpu {
namespace {

// Rows of the scores start on cache lines.
std::int64_t score_stride(std::int64_t tokens) {
  return (tokens + 15) / 16 * 16;
}

}  // namespace

std::size_t attention_scratch_bytes(std::int64_t tokens, std::int64_t, std::int64_t) {
  return static_cast<std::size_t>(tokens * score_stride(tokens)) * sizeof(float);
}

void attention(ThreadPool& pool, const float* qkv, AttentionShape shape, std::byte* scratch,
               float* out) {
  const auto [images, tokens, dim, heads] = shape;
  const std::int64_t head_dim = dim / heads;
  const std::int64_t stride = score_stride(tokens);
  const std::size_t bytes = attention_scratch_bytes(tokens, dim, heads);
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  pool.parallel_for(images * heads, [&](std::int64_t block, int worker) {
    const std::int64_t image = block / heads, head = block % heads;
    const float* const q = qkv + image * tokens * 3 * dim + head * head_dim;
    const float* const k = q + dim;
    const float* const v = k + dim;
    auto* const scores =  // [tokens, stride]
        reinterpret_cast<float*>(scratch + bytes * static_cast<std::size_t>(worker));
    matmul_transposed(tokens, tokens, head_dim, 1.0f, q, 3 * dim, k, 3 * dim, 0.0f, scores, stride);
    kernels().softmax(scores, stride, scale, tokens, tokens);
    matmul(tokens, head_dim, tokens, scores, stride, v, 3 * dim,
           out + image * tokens * dim + head * head_dim, dim);
  });
}

}  // namespace quantring::cpu
