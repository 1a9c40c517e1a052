#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ops/cuda/attention/attention_kernels.h"
#include "ops/cuda/attention/attention_tile.cuh"
#include "ops/cuda/device/launch.h"

namespace quantring::cuda::attn {
namespace {

constexpr int warps = 4;

// Block (head of an image, part). B: computed blocks of 16 keys, at least those with tokens.
// factor: log2(e) / sqrt(D).
template <class T, int D, int B>
__global__ void __launch_bounds__(warps * 32, B <= 13 && D <= 64 ? 3 : 2)
    whole_kernel(const T* __restrict__ qkv, int tokens, int heads, float factor,
                 T* __restrict__ out) {
  extern __shared__ __align__(128) unsigned char shared[];
  const std::int64_t dim = static_cast<std::int64_t>(heads) * D, stride = 3 * dim;
  const int image = static_cast<int>(blockIdx.x) / heads;
  const int head = static_cast<int>(blockIdx.x) % heads;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const T* const queries = qkv + image * tokens * stride + head * D;
  T* const result = out + image * tokens * dim + head * D;
  const std::uint32_t keys = shared_address(shared), values = keys + B * 16 * row_bytes<D>;

  wait_for_predecessor();
  release_successor();
  load_rows<D>(keys, queries + dim, stride, tokens, B * 16, static_cast<int>(threadIdx.x),
               warps * 32);
  commit_copies();
  load_rows<D>(values, queries + 2 * dim, stride, tokens, B * 16, static_cast<int>(threadIdx.x),
               warps * 32);
  commit_copies();

  const int tiles = (tokens + 15) / 16;
  const int part = static_cast<int>(blockIdx.y), parts = static_cast<int>(gridDim.y);
  const int end = tiles * (part + 1) / parts;
  // The warps that get an extra tile alternate from block to block: a warp of a given number always
  // runs on the same quarter of the multiprocessor.
  int tile = tiles * part / parts + (warp + static_cast<int>(blockIdx.x)) % warps;

  std::uint32_t q[D / 16][4];
  if (tile < end) {
    load_queries<D>(q, queries + tile * 16 * stride, stride, tokens - tile * 16, lane);
  }
  wait_copies<1>();
  __syncthreads();
  bool values_wait = true;
  const std::uint32_t lane_keys = keys + lane_offset_keys<D>(lane);
  const std::uint32_t lane_values = values + lane_offset_values<D>(lane);
  // Every warp runs at least one iteration, which contains a barrier.
  while (tile < end || values_wait) {
    std::uint32_t p[B][4];
    float sum_low = 0, sum_high = 0;
    if (tile < end) {
      float s[2 * B][4];
#pragma unroll
      for (int j = 0; j < B; ++j) {
#pragma unroll
        for (int i = 0; i < 4; ++i) s[2 * j][i] = s[2 * j + 1][i] = 0;
        score<D, T>(s[2 * j], s[2 * j + 1], q, lane_keys + j * 16 * row_bytes<D>);
      }
#pragma unroll
      for (int j = 0; j < B; ++j) {
        if (16 * j + 16 > tokens) {
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            if (16 * j + i / 4 * 8 + lane % 4 * 2 + i % 2 >= tokens) {
              s[2 * j + i / 4][i % 4] = -INFINITY;
            }
          }
        }
      }
      float top_low = s[0][0], top_high = s[0][2];
#pragma unroll
      for (int j = 0; j < 2 * B; ++j) {
        top_low = fmaxf(top_low, fmaxf(s[j][0], s[j][1]));
        top_high = fmaxf(top_high, fmaxf(s[j][2], s[j][3]));
      }
      top_low = row_max(top_low) * factor;
      top_high = row_max(top_high) * factor;
#pragma unroll
      for (int j = 0; j < 2 * B; ++j) {
        s[j][0] = power_of_two(fmaf(s[j][0], factor, -top_low));
        s[j][1] = power_of_two(fmaf(s[j][1], factor, -top_low));
        s[j][2] = power_of_two(fmaf(s[j][2], factor, -top_high));
        s[j][3] = power_of_two(fmaf(s[j][3], factor, -top_high));
        sum_low += s[j][0] + s[j][1];
        sum_high += s[j][2] + s[j][3];
        p[j / 2][j % 2 * 2] = pack<T>(s[j][0], s[j][1]);
        p[j / 2][j % 2 * 2 + 1] = pack<T>(s[j][2], s[j][3]);
      }
    }
    if (values_wait) {
      wait_copies<0>();
      __syncthreads();
      values_wait = false;
    }
    if (tile < end) {
      const int next = tile + warps;
      if (next < end) {
        load_queries<D>(q, queries + next * 16 * stride, stride, tokens - next * 16, lane);
      }
      float o[D / 8][4] = {};
#pragma unroll
      for (int j = 0; j < B; ++j) {
        weigh<D, T>(o, p[j], lane_values + j * 16 * row_bytes<D>);
      }
      store_result<D>(result + tile * 16 * dim, dim, tokens - tile * 16, lane, o,
                      1.0f / row_sum(sum_low), 1.0f / row_sum(sum_high));
    }
    tile += warps;
  }
}

template <class T, int D>
void start(const Queue& queue, const void* qkv, AttentionShape shape, int parts, void* out) {
  const float factor = 1.4426950408889634f / std::sqrt(static_cast<float>(D));
  const auto with_blocks = [&]<int B>() {
    launch(queue, "the attention kernel", whole_kernel<T, D, B>,
           dim3(static_cast<unsigned>(shape.images * shape.heads),
                static_cast<unsigned>(std::min<std::int64_t>(parts, (shape.tokens + 15) / 16))),
           dim3(warps * 32), static_cast<std::size_t>(2 * B * 16 * row_bytes<D>),
           static_cast<const T*>(qkv), static_cast<int>(shape.tokens),
           static_cast<int>(shape.heads), factor, static_cast<T*>(out));
  };
  if (shape.tokens <= 208) {
    with_blocks.template operator()<13>();
  } else {
    with_blocks.template operator()<17>();
  }
}

}  // namespace

bool whole_fits(const Queue& queue, AttentionShape shape, DType dtype) {
  const std::int64_t d = shape.dim / shape.heads;
  return (dtype == DType::f16 || dtype == DType::bf16) && (d == 32 || d == 64 || d == 80) &&
         shape.tokens <= whole_max_tokens &&
         2 * whole_max_tokens * row_bytes<80> <= queue.shared_bytes_per_block;
}

void whole(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, int parts,
           void* out) {
  if (!whole_fits(queue, shape, dtype)) throw std::invalid_argument("attn::whole");
  const auto with_dim = [&]<int D>() {
    dtype == DType::f16 ? start<__half, D>(queue, qkv, shape, parts, out)
                        : start<__nv_bfloat16, D>(queue, qkv, shape, parts, out);
  };
  switch (shape.dim / shape.heads) {
    case 32:
      return with_dim.template operator()<32>();
    case 64:
      return with_dim.template operator()<64>();
    case 80:
      return with_dim.template operator()<80>();
  }
}

}  // namespace quantring::cuda::attn
