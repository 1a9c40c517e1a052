#include <cmath>
#include <stdexcept>

#include "ops/cuda/attention/attention_kernels.h"
#include "ops/cuda/attention/attention_tile.cuh"
#include "ops/cuda/device/launch.h"

namespace quantring::cuda::attn {
namespace {

constexpr int warps = 4;
constexpr int block_keys = 64;

template <int D>
constexpr int buffer_bytes = block_keys* row_bytes<D>;

// Block (head of an image, 64 queries, 16 per warp). factor: log2(e) / sqrt(D).
template <class T, int D>
__global__ void __launch_bounds__(warps * 32)
    stream_kernel(const T* __restrict__ qkv, int tokens, int heads, float factor,
                  T* __restrict__ out) {
  extern __shared__ __align__(128) unsigned char shared[];
  const std::int64_t dim = static_cast<std::int64_t>(heads) * D, stride = 3 * dim;
  const int image = static_cast<int>(blockIdx.x) / heads;
  const int head = static_cast<int>(blockIdx.x) % heads;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int first_row = (static_cast<int>(blockIdx.y) * warps + warp) * 16;
  const bool active = first_row < tokens;
  const T* const queries = qkv + image * tokens * stride + head * D;
  const T* const all_keys = queries + dim;
  const T* const all_values = queries + 2 * dim;
  const std::uint32_t keys = shared_address(shared);
  const std::uint32_t values = keys + buffer_bytes<D>;

  const auto load = [&](std::uint32_t target, const T* source, int from) {
    if (from < tokens) {
      load_rows<D>(target, source + from * stride, stride, tokens - from, block_keys,
                   static_cast<int>(threadIdx.x), warps * 32);
    }
    commit_copies();
  };

  wait_for_predecessor();
  release_successor();
  load(keys, all_keys, 0);
  load(values, all_values, 0);
  std::uint32_t q[D / 16][4];
  load_queries<D>(q, queries + (active ? first_row : 0) * stride, stride,
                  active ? tokens - first_row : 0, lane);

  const std::uint32_t lane_keys = keys + lane_offset_keys<D>(lane);
  const std::uint32_t lane_values = values + lane_offset_values<D>(lane);
  float o[D / 8][4] = {};
  float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
  for (int from = 0; from < tokens; from += block_keys) {
    float s[block_keys / 8][4] = {};
    wait_copies<1>();
    __syncthreads();
    if (active) {
#pragma unroll
      for (int j = 0; j < block_keys / 16; ++j) {
        score<D, T>(s[2 * j], s[2 * j + 1], q, lane_keys + j * 16 * row_bytes<D>);
      }
    }
    __syncthreads();
    load(keys, all_keys, from + block_keys);

    std::uint32_t p[block_keys / 16][4];
    if (active) {
      if (from + block_keys > tokens) {
#pragma unroll
        for (int j = 0; j < block_keys / 8; ++j) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            if (from + 8 * j + lane % 4 * 2 + i % 2 >= tokens) s[j][i] = -INFINITY;
          }
        }
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float high = s[0][2 * half];
#pragma unroll
        for (int j = 0; j < block_keys / 8; ++j) {
          high = fmaxf(high, fmaxf(s[j][2 * half], s[j][2 * half + 1]));
        }
        // Each block has at least one key, so the maximum is finite from here on.
        high = fmaxf(top[half], row_max(high) * factor);
        const float shrink = power_of_two(top[half] - high);
        top[half] = high;
        sum[half] *= shrink;
#pragma unroll
        for (int n = 0; n < D / 8; ++n) {
          o[n][2 * half] *= shrink;
          o[n][2 * half + 1] *= shrink;
        }
#pragma unroll
        for (int j = 0; j < block_keys / 8; ++j) {
          const float a = power_of_two(fmaf(s[j][2 * half], factor, -high));
          const float b = power_of_two(fmaf(s[j][2 * half + 1], factor, -high));
          sum[half] += a + b;
          p[j / 2][j % 2 * 2 + half] = pack<T>(a, b);
        }
      }
    }
    wait_copies<1>();
    __syncthreads();
    if (active) {
#pragma unroll
      for (int j = 0; j < block_keys / 16; ++j) {
        weigh<D, T>(o, p[j], lane_values + j * 16 * row_bytes<D>);
      }
    }
    __syncthreads();
    load(values, all_values, from + block_keys);
  }
  if (active) {
    store_result<D>(out + image * tokens * dim + head * D + first_row * dim, dim,
                    tokens - first_row, lane, o, 1.0f / row_sum(sum[0]), 1.0f / row_sum(sum[1]));
  }
}

template <class T, int D>
void start(const Queue& queue, const void* qkv, AttentionShape shape, void* out) {
  constexpr int rows = 16 * warps;
  launch(queue, "the attention kernel", stream_kernel<T, D>,
         dim3(static_cast<unsigned>(shape.images * shape.heads),
              static_cast<unsigned>((shape.tokens + rows - 1) / rows)),
         dim3(warps * 32), static_cast<std::size_t>(2 * buffer_bytes<D>),
         static_cast<const T*>(qkv), static_cast<int>(shape.tokens), static_cast<int>(shape.heads),
         1.4426950408889634f / std::sqrt(static_cast<float>(D)), static_cast<T*>(out));
}

template <class T>
void start(const Queue& queue, const void* qkv, AttentionShape shape, void* out) {
  switch (shape.dim / shape.heads) {
    case 16:
      return start<T, 16>(queue, qkv, shape, out);
    case 32:
      return start<T, 32>(queue, qkv, shape, out);
    case 48:
      return start<T, 48>(queue, qkv, shape, out);
    case 64:
      return start<T, 64>(queue, qkv, shape, out);
    case 80:
      return start<T, 80>(queue, qkv, shape, out);
    case 96:
      return start<T, 96>(queue, qkv, shape, out);
    case 112:
      return start<T, 112>(queue, qkv, shape, out);
    case 128:
      return start<T, 128>(queue, qkv, shape, out);
  }
}

}  // namespace

bool stream_fits(AttentionShape shape, DType dtype) {
  const std::int64_t d = shape.dim / shape.heads;
  return (dtype == DType::f16 || dtype == DType::bf16) && d % 16 == 0 && d <= 128;
}

void stream(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void* out) {
  if (!stream_fits(shape, dtype)) throw std::invalid_argument("attn::stream");
  if (dtype == DType::f16) {
    start<__half>(queue, qkv, shape, out);
  } else {
    start<__nv_bfloat16>(queue, qkv, shape, out);
  }
}

}  // namespace quantring::cuda::attn
