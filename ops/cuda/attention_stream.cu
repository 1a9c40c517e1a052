#include <cmath>
#include <stdexcept>

#include "ops/cuda/attention_kernels.h"
#include "ops/cuda/attention_tile.cuh"
#include "ops/cuda/launch.h"

namespace quantring::cuda::attn {
namespace {

constexpr int warps = 4;
constexpr int block_keys = 64;

template <int D>
constexpr int buffer_bytes = block_keys* row_bytes<D>;

// A partial result of one warp in shared memory: D numbers, then the maximum and the sum.
template <int D>
constexpr int partial_floats = D + 4;

// Block (head of an image, 16 * rows queries). The block's warps are keys groups of rows warps; a
// group works through its share of the keys together. factor: log2(e) / sqrt(D).
template <class T, int D, int rows, int groups>
__global__ void __launch_bounds__(warps * 32)
    stream_kernel(const T* __restrict__ qkv, int tokens, int heads, float factor,
                  T* __restrict__ out) {
  static_assert(rows * groups == warps);
  extern __shared__ __align__(128) unsigned char shared[];
  const std::int64_t dim = static_cast<std::int64_t>(heads) * D, stride = 3 * dim;
  const int image = static_cast<int>(blockIdx.x) / heads;
  const int head = static_cast<int>(blockIdx.x) % heads;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int group = warp / rows, thread = static_cast<int>(threadIdx.x) % (rows * 32);
  const int first_row = (static_cast<int>(blockIdx.y) * rows + warp % rows) * 16;
  const bool active = first_row < tokens;
  const T* const queries = qkv + image * tokens * stride + head * D;
  const T* const all_keys = queries + dim;
  const T* const all_values = queries + 2 * dim;
  const std::uint32_t keys = shared_address(shared) + group * 2 * buffer_bytes<D>;
  const std::uint32_t values = keys + buffer_bytes<D>;
  const auto meet = [] {
    if constexpr (rows == 1) {
      __syncwarp();
    } else {
      __syncthreads();
    }
  };

  // The group's keys; the last group's end with the last token.
  const int blocks = (tokens + 15) / 16;
  const int begin = blocks * group / groups * 16;
  const int end = min(tokens, blocks * (group + 1) / groups * 16);
  const auto load = [&](std::uint32_t target, const T* source, int from) {
    if (from < end) {
      load_rows<D>(target, source + from * stride, stride, end - from, block_keys, thread,
                   rows * 32);
    }
    commit_copies();
  };

  wait_for_predecessor();
  release_successor();
  load(keys, all_keys, begin);
  load(values, all_values, begin);
  std::uint32_t q[D / 16][4];
  load_queries<D>(q, queries + (active ? first_row : 0) * stride, stride,
                  active ? tokens - first_row : 0, lane);

  const std::uint32_t lane_keys = keys + lane_offset_keys<D>(lane);
  const std::uint32_t lane_values = values + lane_offset_values<D>(lane);
  float o[D / 8][4] = {};
  float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};
  for (int from = begin; from < end; from += block_keys) {
    float s[block_keys / 8][4] = {};
    wait_copies<1>();
    meet();
    if (active) {
#pragma unroll
      for (int j = 0; j < block_keys / 16; ++j) {
        score<D, T>(s[2 * j], s[2 * j + 1], q, lane_keys + j * 16 * row_bytes<D>);
      }
    }
    meet();
    load(keys, all_keys, from + block_keys);

    std::uint32_t p[block_keys / 16][4];
    if (active) {
      if (from + block_keys > end) {
#pragma unroll
        for (int j = 0; j < block_keys / 8; ++j) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            if (from + 8 * j + lane % 4 * 2 + i % 2 >= end) s[j][i] = -INFINITY;
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
        // Each block holds at least one key, so that the maximum is finite from here on.
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
    meet();
    if (active) {
#pragma unroll
      for (int j = 0; j < block_keys / 16; ++j) {
        weigh<D, T>(o, p[j], lane_values + j * 16 * row_bytes<D>);
      }
    }
    meet();
    load(values, all_values, from + block_keys);
  }
  sum[0] = row_sum(sum[0]);
  sum[1] = row_sum(sum[1]);
  T* const result = out + image * tokens * dim + head * D + first_row * dim;
  if constexpr (groups == 1) {
    if (active) {
      store_result<D>(result, dim, tokens - first_row, lane, o, 1.0f / sum[0], 1.0f / sum[1]);
    }
  } else {
    // The groups' results, each relative to its own maximum, come together in shared memory.
    wait_copies<0>();
    __syncthreads();
    float* const partials = reinterpret_cast<float*>(shared);  // [groups, 16, partial_floats]
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float* const own = partials + (group * 16 + lane / 4 + half * 8) * partial_floats<D>;
#pragma unroll
      for (int n = 0; n < D / 8; ++n) {
        *reinterpret_cast<float2*>(own + n * 8 + lane % 4 * 2) =
            make_float2(o[n][2 * half], o[n][2 * half + 1]);
      }
      if (lane % 4 == 0) {
        own[D] = top[half];
        own[D + 1] = sum[half];
      }
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < 16 * (D / 4); i += warps * 32) {
      const int row = i / (D / 4), column = i % (D / 4) * 4;
      if (first_row + row >= tokens) continue;
      float highest = -INFINITY;
#pragma unroll
      for (int k = 0; k < groups; ++k) {
        highest = fmaxf(highest, partials[(k * 16 + row) * partial_floats<D> + D]);
      }
      float total = 0;
      float4 mean = make_float4(0, 0, 0, 0);
#pragma unroll
      for (int k = 0; k < groups; ++k) {
        const float* const partial = partials + (k * 16 + row) * partial_floats<D>;
        const float weight = power_of_two(partial[D] - highest);  // 0 for a group without keys
        const float4 part = *reinterpret_cast<const float4*>(partial + column);
        total += weight * partial[D + 1];
        mean.x += weight * part.x;
        mean.y += weight * part.y;
        mean.z += weight * part.z;
        mean.w += weight * part.w;
      }
      const float scale = 1.0f / total;
      *reinterpret_cast<uint2*>(result + row * dim + column) = make_uint2(
          pack<T>(mean.x * scale, mean.y * scale), pack<T>(mean.z * scale, mean.w * scale));
    }
  }
}

template <class T, int D>
void start(const Queue& queue, const void* qkv, AttentionShape shape, bool split_keys, void* out) {
  const float factor = 1.4426950408889634f / std::sqrt(static_cast<float>(D));
  const auto with_split = [&]<int rows, int groups>() {
    static_assert(groups * 16 * partial_floats<D> * 4 <= groups * 2 * buffer_bytes<D>);
    launch(queue, "the attention kernel", stream_kernel<T, D, rows, groups>,
           dim3(static_cast<unsigned>(shape.images * shape.heads),
                static_cast<unsigned>((shape.tokens + 16 * rows - 1) / (16 * rows))),
           dim3(warps * 32), static_cast<std::size_t>(groups * 2 * buffer_bytes<D>),
           static_cast<const T*>(qkv), static_cast<int>(shape.tokens),
           static_cast<int>(shape.heads), factor, static_cast<T*>(out));
  };
  if (split_keys) {
    with_split.template operator()<1, warps>();
  } else {
    with_split.template operator()<warps, 1>();
  }
}

template <class T>
void start(const Queue& queue, const void* qkv, AttentionShape shape, bool split_keys, void* out) {
  switch (shape.dim / shape.heads) {
    case 16:
      return start<T, 16>(queue, qkv, shape, split_keys, out);
    case 32:
      return start<T, 32>(queue, qkv, shape, split_keys, out);
    case 48:
      return start<T, 48>(queue, qkv, shape, split_keys, out);
    case 64:
      return start<T, 64>(queue, qkv, shape, split_keys, out);
    case 80:
      return start<T, 80>(queue, qkv, shape, split_keys, out);
    case 96:
      return start<T, 96>(queue, qkv, shape, split_keys, out);
    case 112:
      return start<T, 112>(queue, qkv, shape, split_keys, out);
    case 128:
      return start<T, 128>(queue, qkv, shape, split_keys, out);
  }
}

}  // namespace

bool stream_fits(AttentionShape shape, DType dtype) {
  const std::int64_t d = shape.dim / shape.heads;
  return (dtype == DType::f16 || dtype == DType::bf16) && d % 16 == 0 && d <= 128;
}

void stream(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, bool split_keys,
            void* out) {
  if (!stream_fits(shape, dtype)) throw std::invalid_argument("attn::stream");
  if (dtype == DType::f16) {
    start<__half>(queue, qkv, shape, split_keys, out);
  } else {
    start<__nv_bfloat16>(queue, qkv, shape, split_keys, out);
  }
}

}  // namespace quantring::cuda::attn
