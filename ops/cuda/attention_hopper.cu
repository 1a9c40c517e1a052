#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ops/cuda/attention_kernels.h"
#include "ops/cuda/attention_tile.cuh"
#include "ops/cuda/attention_wgmma.cuh"
#include "ops/cuda/launch.h"

namespace quantring::cuda::attn {
namespace {

constexpr int D = 64, threads = 128, tile_rows = 64;

template <class T>
__device__ inline void load_swizzled(std::uint32_t target, const T* source, std::int64_t stride,
                                     int present, int count) {
  for (int i = static_cast<int>(threadIdx.x); i < count * 8; i += threads) {
    const int row = i / 8, piece = i % 8;
    copy_async(target + swizzled(row, piece),
               source + (row < present ? row : 0) * stride + piece * 8, row < present);
  }
}

// Block (head of an image, part). Of the keys, at most 64 * P + R, 64 are scored at a time and the
// last R in the end. factor: log2(e) / sqrt(D).
template <class T, int P, int R>
__global__ void __launch_bounds__(threads, 2)
    hopper_kernel(const T* __restrict__ qkv, int tokens, int heads, float factor,
                  T* __restrict__ out) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  constexpr int rows = 64 * P + R, groups = rows / 8;  // of eight keys
  extern __shared__ __align__(1024) unsigned char shared[];
  const std::int64_t dim = static_cast<std::int64_t>(heads) * D, stride = 3 * dim;
  const int image = static_cast<int>(blockIdx.x) / heads;
  const int head = static_cast<int>(blockIdx.x) % heads;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const T* const queries = qkv + image * tokens * stride + head * D;
  T* const result = out + image * tokens * dim + head * D;
  const std::uint32_t keys = shared_address(shared), values = keys + rows * 128;

  wait_for_predecessor();
  release_successor();
  load_swizzled(keys, queries + dim, stride, tokens, rows);
  commit_copies();
  load_swizzled(values, queries + 2 * dim, stride, tokens, rows);
  commit_copies();

  const int tiles = (tokens + tile_rows - 1) / tile_rows;
  const int part = static_cast<int>(blockIdx.y), parts = static_cast<int>(gridDim.y);
  const int end = tiles * (part + 1) / parts;
  // In the last tile some warps may have no queries; which, alternates from block to block, because
  // a warp of a given number always runs on the same quarter of the multiprocessor.
  const int warp_row = (warp + static_cast<int>(blockIdx.x)) % 4 * 16;
  bool keys_wait = true, values_wait = true;
  for (int tile = tiles * part / parts; tile < end; ++tile) {
    const int first_row = tile * tile_rows + warp_row;
    const bool active = first_row < tokens;
    std::uint32_t q[D / 16][4];
    load_queries<D>(q, queries + (active ? first_row : 0) * stride, stride,
                    active ? tokens - first_row : 0, lane);
    if (keys_wait) {
      wait_copies<1>();
      publish_to_products();
      __syncthreads();
      keys_wait = false;
    }
    std::uint32_t p[groups / 2][4];
    float sum_low = 0, sum_high = 0;
    {
      // Not one array: what of it is done with could not be used for the weights.
      float s[P][32], rest[R == 0 ? 8 : R / 2];
      begin_products();
#pragma unroll
      for (int i = 0; i < P; ++i) {
#pragma unroll
        for (int k = 0; k < D / 16; ++k) {
          multiply_group<T, false>(s[i], q[k], describe(keys + i * 64 * 128 + k * 32), k != 0);
        }
      }
      if constexpr (R > 0) {
#pragma unroll
        for (int k = 0; k < D / 16; ++k) {
          multiply_group<T, false>(rest, q[k], describe(keys + P * 64 * 128 + k * 32), k != 0);
        }
      }
      end_products();
      if (active) {
        const auto at = [&](int group, int i) -> float& {
          return group < 8 * P ? s[group / 8][group % 8 * 4 + i] : rest[group % 8 * 4 + i];
        };
#pragma unroll
        for (int j = 0; j < groups; ++j) {
          if (8 * j + 8 > tokens) {
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              if (8 * j + lane % 4 * 2 + i % 2 >= tokens) at(j, i) = -INFINITY;
            }
          }
        }
        float top_low = at(0, 0), top_high = at(0, 2);
#pragma unroll
        for (int j = 0; j < groups; ++j) {
          top_low = fmaxf(top_low, fmaxf(at(j, 0), at(j, 1)));
          top_high = fmaxf(top_high, fmaxf(at(j, 2), at(j, 3)));
        }
        top_low = row_max(top_low) * factor;
        top_high = row_max(top_high) * factor;
#pragma unroll
        for (int j = 0; j < groups; ++j) {
          const float a = power_of_two(fmaf(at(j, 0), factor, -top_low));
          const float b = power_of_two(fmaf(at(j, 1), factor, -top_low));
          const float c = power_of_two(fmaf(at(j, 2), factor, -top_high));
          const float d = power_of_two(fmaf(at(j, 3), factor, -top_high));
          sum_low += a + b;
          sum_high += c + d;
          p[j / 2][j % 2 * 2] = pack<T>(a, b);
          p[j / 2][j % 2 * 2 + 1] = pack<T>(c, d);
        }
      } else {
#pragma unroll
        for (int j = 0; j < groups / 2 * 4; ++j) p[j / 4][j % 4] = 0;
      }
    }
    if (values_wait) {
      wait_copies<0>();
      publish_to_products();
      __syncthreads();
      values_wait = false;
    }
    float o[D / 2];
    begin_products();
#pragma unroll
    for (int j = 0; j < groups / 2; ++j) {
      multiply_group<T, true>(o, p[j], describe(values + j * 16 * 128), j != 0);
    }
    end_products();
    if (active) {
      store_result<D>(result + first_row * dim, dim, tokens - first_row, lane,
                      reinterpret_cast<const float(&)[D / 8][4]>(o), 1.0f / row_sum(sum_low),
                      1.0f / row_sum(sum_high));
    }
  }
#endif
}

template <class T>
void start(const Queue& queue, const void* qkv, AttentionShape shape, int parts, void* out) {
  const float factor = 1.4426950408889634f / std::sqrt(static_cast<float>(D));
  const auto with_keys = [&]<int P, int R>() {
    launch(queue, "the attention kernel", hopper_kernel<T, P, R>,
           dim3(static_cast<unsigned>(shape.images * shape.heads),
                static_cast<unsigned>(
                    std::min<std::int64_t>(parts, (shape.tokens + tile_rows - 1) / tile_rows))),
           dim3(threads), static_cast<std::size_t>(2 * (64 * P + R) * 128),
           static_cast<const T*>(qkv), static_cast<int>(shape.tokens),
           static_cast<int>(shape.heads), factor, static_cast<T*>(out));
  };
  if (shape.tokens <= 64) {
    with_keys.template operator()<1, 0>();
  } else if (shape.tokens <= 208) {
    with_keys.template operator()<3, 16>();
  } else {
    with_keys.template operator()<4, 16>();
  }
}

}  // namespace

bool hopper_fits(const Queue& queue, AttentionShape shape, DType dtype) {
  return queue.compute_capability == 90 && (dtype == DType::f16 || dtype == DType::bf16) &&
         shape.dim / shape.heads == D && shape.tokens <= 272;
}

void hopper(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, int parts,
            void* out) {
  if (!hopper_fits(queue, shape, dtype)) throw std::invalid_argument("attn::hopper");
  if (dtype == DType::f16) {
    start<__half>(queue, qkv, shape, parts, out);
  } else {
    start<__nv_bfloat16>(queue, qkv, shape, parts, out);
  }
}

}  // namespace quantring::cuda::attn
