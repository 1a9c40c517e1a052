#include "ops/cpu/attention.h"

#include <algorithm>
#include <cmath>

#include "ops/cpu/kernels.h"
#include "ops/cpu/thread_pool.h"

namespace quantring::cpu {
namespace {

// Queries per step: their scores stay in the second-level cache between the two products.
constexpr std::int64_t query_rows = 64;

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

// Scratch of one worker, in floats from its start: keys and values of one head in the panels that
// the product reads, and the scores of query_rows queries.
struct Scratch {
  Scratch(std::int64_t tokens, std::int64_t head_dim) {
    // Includes zeros beyond the last token, so that no row of scores ends inside a vector.
    score_cols = round_up(tokens, kernels().lanes);
    values = round_up(tokens, kernels().panel) * head_dim;
    scores = values + round_up(head_dim, kernels().panel) * tokens;
    // Avoids false sharing between workers.
    floats = round_up(scores + query_rows * score_cols, 16);
  }
  std::int64_t score_cols, values, scores, floats;
};

}  // namespace

std::size_t attention_scratch_bytes(std::int64_t tokens, std::int64_t dim, std::int64_t heads) {
  return static_cast<std::size_t>(Scratch(tokens, dim / heads).floats) * sizeof(float);
}

void qk_norm(ThreadPool& pool, float* qkv, std::int64_t rows, std::int64_t dim, std::int64_t heads,
             NormWeights q, NormWeights k, float eps) {
  constexpr std::int64_t block_rows = 32;
  const std::int64_t head_dim = dim / heads;
  pool.parallel_for((rows + block_rows - 1) / block_rows, [&](std::int64_t block, int) {
    const std::int64_t end = std::min(rows, (block + 1) * block_rows);
    for (std::int64_t row = block * block_rows; row < end; ++row) {
      // A token's queries are heads rows of head_dim, followed by its keys.
      float* const queries = qkv + row * 3 * dim;
      float* const keys = queries + dim;
      kernels().layer_norm(queries, q.gamma, q.beta, eps, heads, head_dim, queries);
      kernels().layer_norm(keys, k.gamma, k.beta, eps, heads, head_dim, keys);
    }
  });
}

void attention(ThreadPool& pool, const float* qkv, AttentionShape shape, float* scratch,
               float* out) {
  const std::int64_t images = shape.images, tokens = shape.tokens;
  const std::int64_t dim = shape.dim, heads = shape.heads;
  const std::int64_t head_dim = dim / heads;
  const Scratch layout(tokens, head_dim);
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  // With few heads the queries of a head are divided too, at the cost of packing its keys again.
  const std::int64_t wanted = pool.threads() == 1 ? 1 : 4 * pool.threads();
  const std::int64_t max_parts = (tokens + query_rows - 1) / query_rows;
  const std::int64_t parts =
      std::clamp<std::int64_t>(wanted / std::max<std::int64_t>(1, images * heads), 1, max_parts);
  pool.parallel_for(images * heads * parts, [&](std::int64_t block, int worker) {
    const std::int64_t part = block % parts;
    const std::int64_t head = block / parts % heads, image = block / parts / heads;
    const float* const q = qkv + image * tokens * 3 * dim + head * head_dim;
    float* const target = out + image * tokens * dim + head * head_dim;
    float* const keys = scratch + layout.floats * worker;
    float* const values = keys + layout.values;
    float* const scores = keys + layout.scores;  // [query_rows, score_cols]
    const Kernels& run = kernels();
    run.pack_transposed(q + dim, 3 * dim, tokens, head_dim, keys);
    run.pack(q + 2 * dim, 3 * dim, head_dim, tokens, values);
    const std::int64_t end = tokens * (part + 1) / parts;
    for (std::int64_t row = tokens * part / parts; row < end; row += query_rows) {
      const std::int64_t rows = std::min(query_rows, end - row);
      run.gemm({.rows = rows,
                .cols = layout.score_cols,
                .depth = head_dim,
                .a = q + row * 3 * dim,
                .a_stride = 3 * dim,
                .b = keys,
                .bias = nullptr,
                .c = scores,
                .c_stride = layout.score_cols,
                .add = false,
                .activation = 0});
      run.softmax(scores, layout.score_cols, scale, rows, tokens);
      run.gemm({.rows = rows,
                .cols = head_dim,
                .depth = tokens,
                .a = scores,
                .a_stride = layout.score_cols,
                .b = values,
                .bias = nullptr,
                .c = target + row * dim,
                .c_stride = dim,
                .add = false,
                .activation = 0});
    }
  });
}

}  // namespace quantring::cpu
