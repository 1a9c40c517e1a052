#include "engine/calibration/attention_backward.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/cpu/kernels.h"
#include "ops/cpu/thread_pool.h"

namespace quantring {
namespace {

constexpr std::int64_t query_rows = 64;  // at a time

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

// P = softmax(s Q K'), so dS = s P (dP - rowsum(P dP)). slopes: dP, becomes dS.
void softmax_backward(const float* weights, float scale, std::int64_t rows, std::int64_t cols,
                      float* slopes) {
  constexpr std::size_t lanes = 8;
  for (std::int64_t r = 0; r < rows; ++r, weights += cols, slopes += cols) {
    std::array<float, lanes> sums{};
    std::int64_t i = 0;
    for (; i + std::int64_t{lanes} <= cols; i += lanes) {
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        const std::int64_t at = i + static_cast<std::int64_t>(lane);
        sums[lane] += weights[at] * slopes[at];
      }
    }
    float sum = 0;
    for (; i < cols; ++i) sum += weights[i] * slopes[i];
    for (const float part : sums) sum += part;
    for (i = 0; i < cols; ++i) slopes[i] = scale * weights[i] * (slopes[i] - sum);
  }
}

// target[cols, query_rows] = source[rows, stride]'
void transpose(const float* source, std::int64_t stride, std::int64_t rows, std::int64_t cols,
               float* target) {
  constexpr std::int64_t tile = 16;
  for (std::int64_t first = 0; first < cols; first += tile) {
    const std::int64_t end = std::min(cols, first + tile);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = first; c < end; ++c)
        target[c * query_rows + r] = source[r * stride + c];
    }
  }
}

}  // namespace

// One head of one image; q, k and v have rows of 3 dim values, out_gradient of dim.
struct AttentionBackward::Head {
  const float *q, *out_gradient;
  float* q_gradient;
};

AttentionBackward::AttentionBackward(Context& context, std::int64_t tokens, std::int64_t dim,
                                     std::int64_t heads)
    : context_(context), tokens_(tokens), dim_(dim), heads_(heads) {
  const std::int64_t panel = cpu::kernels().panel, head_dim = dim / heads;
  score_cols_ = round_up(tokens, cpu::kernels().lanes);
  values_t_ = round_up(tokens, panel) * head_dim;  // behind the transposed keys, as large
  keys_ = 2 * values_t_;
  queries_ = keys_ + round_up(head_dim, panel) * tokens;
  out_rows_ = queries_ + round_up(head_dim, panel) * query_rows;
  weights_ = out_rows_ + round_up(head_dim, panel) * query_rows;
  slopes_ = weights_ + query_rows * score_cols_;
  weights_t_ = slopes_ + query_rows * score_cols_;
  slopes_t_ = weights_t_ + tokens * query_rows;
  floats_ = round_up(slopes_t_ + tokens * query_rows, 16);
  scratch_.resize(static_cast<std::size_t>(floats_ * context.threads()));
}

void AttentionBackward::run(const float* qkv, const float* out_gradient, std::int64_t images,
                            float* qkv_gradient) {
  const std::int64_t head_dim = dim_ / heads_;
  context_.pool().parallel_for(images * heads_, [&](std::int64_t block, int worker) {
    const std::int64_t image = block / heads_, first = block % heads_ * head_dim;
    const std::int64_t offset = image * tokens_ * 3 * dim_ + first;
    run_head({qkv + offset, out_gradient + image * tokens_ * dim_ + first, qkv_gradient + offset},
             scratch_.data() + worker * floats_);
  });
}

void AttentionBackward::run_head(const Head& head, float* scratch) const {
  const cpu::Kernels& run = cpu::kernels();
  const std::int64_t head_dim = dim_ / heads_, stride = 3 * dim_;
  const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  const float *const k = head.q + dim_, *const v = k + dim_;
  float *const k_gradient = head.q_gradient + dim_, *const v_gradient = k_gradient + dim_;
  float *const keys_t = scratch, *const values_t = scratch + values_t_;
  float *const keys = scratch + keys_, *const queries = scratch + queries_;
  float* const out_rows = scratch + out_rows_;
  float *const weights = scratch + weights_, *const slopes = scratch + slopes_;
  float *const weights_t = scratch + weights_t_, *const slopes_t = scratch + slopes_t_;
  // c[rows, cols] = a[rows, depth] b, or added to it
  const auto multiply = [&](std::int64_t rows, std::int64_t cols, std::int64_t depth,
                            const float* a, std::int64_t a_stride, const float* b, float* c,
                            std::int64_t c_stride, bool add = false) {
    run.gemm({rows, cols, depth, a, a_stride, b, nullptr, c, c_stride, add, 0});
  };

  run.pack_transposed(k, stride, tokens_, head_dim, keys_t);
  run.pack_transposed(v, stride, tokens_, head_dim, values_t);
  run.pack(k, stride, head_dim, tokens_, keys);
  for (std::int64_t row = 0; row < tokens_; row += query_rows) {
    const std::int64_t rows = std::min(query_rows, tokens_ - row);
    const float* const q = head.q + row * stride;
    const float* const out_gradient = head.out_gradient + row * dim_;
    multiply(rows, score_cols_, head_dim, q, stride, keys_t, weights, score_cols_);
    run.softmax(weights, score_cols_, scale, rows, tokens_);
    multiply(rows, score_cols_, head_dim, out_gradient, dim_, values_t, slopes, score_cols_);
    softmax_backward(weights, scale, rows, score_cols_, slopes);
    multiply(rows, head_dim, tokens_, slopes, score_cols_, keys, head.q_gradient + row * stride,
             stride);
    // dK = dS' Q and dV = P' dO, summed over the queries.
    transpose(slopes, score_cols_, rows, tokens_, slopes_t);
    transpose(weights, score_cols_, rows, tokens_, weights_t);
    run.pack(q, stride, head_dim, rows, queries);
    run.pack(out_gradient, dim_, head_dim, rows, out_rows);
    multiply(tokens_, head_dim, rows, slopes_t, query_rows, queries, k_gradient, stride, row > 0);
    multiply(tokens_, head_dim, rows, weights_t, query_rows, out_rows, v_gradient, stride, row > 0);
  }
}

}  // namespace quantring
