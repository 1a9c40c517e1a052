#include <cmath>

#include "ops/cuda/attention/attention_kernels.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/number.h"

namespace quantring::cuda::attn {
namespace {

constexpr int warps = 4, warp_rows = 4, block_rows = warps * warp_rows;
constexpr int keys = 32;      // one per lane
constexpr int depth = 64;     // of queries and keys in shared memory at a time
constexpr int columns = 128;  // of the result, per block; four per lane

// Block (head of an image, 16 queries, 128 columns). For wider heads the scores are
// computed again for each 128 columns.
template <class T>
__global__ void __launch_bounds__(warps * 32)
    plain_kernel(const T* __restrict__ qkv, int tokens, int heads, int head_dim, float factor,
                 T* __restrict__ out) {
  __shared__ float q[block_rows][depth];
  __shared__ float k[keys][depth + 1];  // lanes read a column
  __shared__ float v[keys][columns];
  __shared__ float p[block_rows][keys];
  const std::int64_t dim = static_cast<std::int64_t>(heads) * head_dim, stride = 3 * dim;
  const int image = static_cast<int>(blockIdx.x) / heads;
  const int head = static_cast<int>(blockIdx.x) % heads;
  const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
  const int warp_row = thread / 32 * warp_rows;
  const int first_row = static_cast<int>(blockIdx.y) * block_rows;
  const int first_column = static_cast<int>(blockIdx.z) * columns;
  const T* const queries =
      qkv + image * tokens * stride + static_cast<std::int64_t>(head) * head_dim;

  wait_for_predecessor();
  release_successor();
  float o[warp_rows][columns / 32] = {};
  float top[warp_rows], sum[warp_rows] = {};
  for (float& value : top) value = -INFINITY;
  for (int key = 0; key < tokens; key += keys) {
    for (int i = thread; i < keys * columns; i += warps * 32) {
      const int row = i / columns, column = first_column + i % columns;
      v[row][i % columns] = key + row < tokens && column < head_dim
                                ? to_float(queries[(key + row) * stride + 2 * dim + column])
                                : 0.0f;
    }
    float s[warp_rows] = {};
    for (int from = 0; from < head_dim; from += depth) {
      for (int i = thread; i < (block_rows + keys) * depth; i += warps * 32) {
        const int row = i / depth, column = from + i % depth;
        const bool is_key = row >= block_rows;
        const int token = is_key ? key + row - block_rows : first_row + row;
        const float value = token < tokens && column < head_dim
                                ? to_float(queries[token * stride + (is_key ? dim : 0) + column])
                                : 0.0f;
        (is_key ? k[row - block_rows] : q[row])[i % depth] = value;
      }
      __syncthreads();
#pragma unroll 8
      for (int i = 0; i < depth; ++i) {
#pragma unroll
        for (int r = 0; r < warp_rows; ++r) s[r] = fmaf(q[warp_row + r][i], k[lane][i], s[r]);
      }
      __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < warp_rows; ++r) {
      const float score = key + lane < tokens ? s[r] * factor : -INFINITY;
      float high = score;
#pragma unroll
      for (int step = 16; step > 0; step /= 2) {
        high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, step));
      }
      high = fmaxf(high, top[r]);
      const float shrink = expf(top[r] - high), weight = expf(score - high);
      top[r] = high;
      float total = weight;
#pragma unroll
      for (int step = 16; step > 0; step /= 2) {
        total += __shfl_xor_sync(0xffffffffu, total, step);
      }
      sum[r] = sum[r] * shrink + total;
      for (float& value : o[r]) value *= shrink;
      p[warp_row + r][lane] = weight;
    }
    __syncwarp();
#pragma unroll 4
    for (int j = 0; j < keys; ++j) {
#pragma unroll
      for (int r = 0; r < warp_rows; ++r) {
#pragma unroll
        for (int c = 0; c < columns / 32; ++c) {
          o[r][c] = fmaf(p[warp_row + r][j], v[j][c * 32 + lane], o[r][c]);
        }
      }
    }
    __syncthreads();
  }
  for (int r = 0; r < warp_rows; ++r) {
    const int row = first_row + warp_row + r;
    for (int c = 0; c < columns / 32; ++c) {
      const int column = first_column + c * 32 + lane;
      if (row < tokens && column < head_dim) {
        out[(static_cast<std::int64_t>(image) * tokens + row) * dim +
            static_cast<std::int64_t>(head) * head_dim + column] = from_float<T>(o[r][c] / sum[r]);
      }
    }
  }
}

}  // namespace

void plain(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void* out) {
  const auto head_dim = static_cast<int>(shape.dim / shape.heads);
  const auto parts = [](std::int64_t count, int size) {
    return static_cast<unsigned>((count + size - 1) / size);
  };
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "the attention kernel", plain_kernel<T>,
           dim3(static_cast<unsigned>(shape.images * shape.heads), parts(shape.tokens, block_rows),
                parts(head_dim, columns)),
           dim3(warps * 32), 0, static_cast<const T*>(qkv), static_cast<int>(shape.tokens),
           static_cast<int>(shape.heads), head_dim, 1.0f / std::sqrt(static_cast<float>(head_dim)),
           static_cast<T*>(out));
  });
}

}  // namespace quantring::cuda::attn
