// Items, each a head of an image and some 64-query tiles of it, are distributed to blocks of four
// groups of four warps. Keys and values are pipelined through a ring of stages in shared memory, 64
// at a time, copied by the tensor copy unit (TMA) as soon as a stage is free; each group computes a
// tile with wgmma and a running maximum (as in FlashAttention-3, Shah et al. 2024).

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ops/cuda/attention/attention_hopper_layout.cuh"
#include "ops/cuda/attention/attention_kernels.h"
#include "ops/cuda/attention/attention_map.h"
#include "ops/cuda/attention/attention_tile.cuh"
#include "ops/cuda/attention/attention_wgmma.cuh"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/wgmma/wgmma_pipeline.cuh"

namespace quantring::cuda::attn {
namespace {

using namespace hopper_layout;

Work divide(AttentionShape shape, int multiprocessors) {
  const auto tokens = static_cast<int>(shape.tokens), tiles = (tokens + tile - 1) / tile;
  const bool long_last = tokens > chunk && tokens % chunk > 0 && tokens % chunk <= short_rows;
  const int chunks = (tokens + chunk - 1) / chunk - (long_last ? 1 : 0);
  // A group with two tiles of an item reads the item's keys twice, so all of them must be in shared
  // memory.
  const int most = chunks <= stages ? max_tiles : groups;
  const std::int64_t heads = shape.images * shape.heads;
  const std::int64_t wanted = multiprocessors / heads;
  const auto parts =
      static_cast<int>(std::clamp<std::int64_t>(wanted, (tiles + most - 1) / most, tiles));
  return {static_cast<int>(shape.images),
          tokens,
          static_cast<int>(shape.heads),
          parts,
          parts == tiles ? max_buffers : 2,
          chunks,
          long_last};
}

// tiles_of: boxes of 64 rows; rows_of: of 16. factor: log2(e) / sqrt(D).
template <class T>
__global__ void __launch_bounds__(threads, 1)
    hopper_kernel(const __grid_constant__ CUtensorMap tiles_of,
                  const __grid_constant__ CUtensorMap rows_of, Work work, float factor,
                  T* __restrict__ out) {
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
  extern __shared__ __align__(1024) unsigned char shared[];
  const std::uint32_t memory = shared_address(shared), chunks_at = memory + query_bytes;
  const auto loaded = [&](int stage) { return memory + barriers_at + stage * 8; };
  const auto queries_loaded = [&](int buffer) { return loaded(stages + buffer); };
  const auto read = [&](int stage) { return memory + counters_at + stage * 4; };
  const auto queries_read = [&](int buffer) { return read(stages + buffer); };
  if (threadIdx.x < stages + max_buffers) {
    barrier_init(loaded(static_cast<int>(threadIdx.x)), 1);
    reinterpret_cast<unsigned*>(shared + counters_at)[threadIdx.x] = 0;
    barrier_init_done();
  }
  if (threadIdx.x == 0) {
    prefetch_map(&tiles_of);
    prefetch_map(&rows_of);
  }
  __syncthreads();
  wait_for_predecessor();
  release_successor();

  const int tokens = work.tokens, parts = work.parts, buffers = work.buffers, chunks = work.chunks;
  const int tiles = (tokens + tile - 1) / tile;
  const int items = work.images * work.heads * parts;
  const int mine = (items - static_cast<int>(blockIdx.x) + static_cast<int>(gridDim.x) - 1) /
                   static_cast<int>(gridDim.x);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;

  struct Item {
    int image, head, first_tile, tiles;
  };
  // The block's item number `turn`.
  const auto item_at = [&](int turn) -> Item {
    const int item = static_cast<int>(blockIdx.x) + turn * static_cast<int>(gridDim.x);
    const int head = item / parts, part = item % parts, first = tiles * part / parts;
    return {head / work.heads, head % work.heads, first, tiles * (part + 1) / parts - first};
  };
  const auto load_queries = [&](int turn) {
    if (turn >= mine) return;
    const Item item = item_at(turn);
    const int buffer = turn % buffers, first = item.first_tile * tile;
    const int rows = min(item.tiles * tile, tokens - first), full = rows / tile * tile;
    const int boxes = (rows - full + short_rows - 1) / short_rows;
    const std::uint32_t target = memory + buffer * (query_bytes / buffers);
    barrier_expect(queries_loaded(buffer), (full + boxes * short_rows) * row);
    for (int i = 0; i < full; i += tile) {
      load_box(target + i * row, &tiles_of, item.head * D, first + i, item.image,
               queries_loaded(buffer));
    }
    for (int i = 0; i < boxes; ++i) {
      // The warps that get the queries of a partial tile alternate: a warp of a given number always
      // runs on the same quarter of the multiprocessor.
      load_box(target + (full + (i + turn) % 4 * short_rows) * row, &rows_of, item.head * D,
               first + full + i * short_rows, item.image, queries_loaded(buffer));
    }
  };
  // Chunk number n of all the block's items.
  const auto load_chunk = [&](int n) {
    const int turn = n / chunks, c = n - turn * chunks, stage = n % stages;
    if (turn >= mine) return;
    const Item item = item_at(turn);
    const bool is_long = work.long_last && c + 1 == chunks;
    barrier_expect(loaded(stage), 2 * (is_long ? max_chunk : chunk) * row);
    for (int part = 0; part < 2; ++part) {
      const std::uint32_t target = chunks_at + (stage * 2 + part) * chunk_bytes;
      const int column = ((part + 1) * work.heads + item.head) * D;
      load_box(target, &tiles_of, column, c * chunk, item.image, loaded(stage));
      if (is_long) {
        load_box(target + chunk * row, &rows_of, column, (c + 1) * chunk, item.image,
                 loaded(stage));
      }
    }
  };
  if (threadIdx.x == 0) {
    load_queries(0);
    for (int n = 0; n < stages; ++n) load_chunk(n);
    for (int turn = 1; turn < buffers; ++turn) load_queries(turn);
  }
  __syncwarp();

  int n = 0;  // chunks of the items so far
#pragma unroll 1
  for (int turn = 0; turn < mine; ++turn, n += chunks) {
    const Item item = item_at(turn);
    const int buffer = turn % buffers;
    barrier_wait(queries_loaded(buffer), turn / buffers % 2);
    const auto enter = [&](int c) { barrier_wait(loaded((n + c) % stages), (n + c) / stages % 2); };
    const auto leave = [&](int c) {
      if (lane == 0 && count_warp(read((n + c) % stages))) load_chunk(n + c + stages);
      __syncwarp();
    };
    // The groups alternate in taking the first tile.
    int mine_next = (warp / 4 + turn) % groups;
    if (mine_next >= item.tiles) {
#pragma unroll 1
      for (int c = 0; c < chunks; ++c) {
        enter(c);
        leave(c);
      }
    }
#pragma unroll 1
    for (; mine_next < item.tiles; mine_next += groups) {
      const int tile_row = (item.first_tile + mine_next) * tile;
      const int shift = tile_row + tile <= tokens ? 0 : turn % 4;
      const int first_row = tile_row + (warp + 4 - shift) % 4 * short_rows;
      const bool active = first_row < tokens;
      const std::uint64_t q =
          describe(memory + buffer * (query_bytes / buffers) + mine_next * tile * row);
      float o[D / 2];
#pragma unroll
      for (int i = 0; i < D / 2; ++i) o[i] = 0;
      float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};

      const auto process = [&]<int N>(int stage, int left) {
        const std::uint64_t keys = describe(chunks_at + stage * 2 * chunk_bytes);
        const std::uint64_t values = keys + chunk_bytes / 16;
        float s[N / 2];
        begin_products();
#pragma unroll
        for (int k = 0; k < D / 16; ++k) multiply_shared<T>(s, q + k * 2, keys + k * 2, k != 0);
        end_products();
        std::uint32_t p[N / 16][4];
        if (active) {
          if (left < N) {
#pragma unroll
            for (int i = N == max_chunk ? chunk / 2 : 0; i < N / 2; ++i) {
              if (i / 4 * 8 + lane % 4 * 2 + i % 2 >= left) s[i] = -INFINITY;
            }
          }
          float high[2] = {s[0], s[2]};
#pragma unroll
          for (int j = 0; j < N / 8; ++j) {
            high[0] = fmaxf(high[0], fmaxf(s[4 * j], s[4 * j + 1]));
            high[1] = fmaxf(high[1], fmaxf(s[4 * j + 2], s[4 * j + 3]));
          }
          high[0] = row_max(high[0]) * factor;
          high[1] = row_max(high[1]) * factor;
          // Weights up to 2^8 are as exact as those up to 1, so the maximum need not be updated at
          // every small increase.
          if (__any_sync(0xffffffffu, high[0] > top[0] + 8 || high[1] > top[1] + 8)) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              const float highest = fmaxf(top[half], high[half]);
              const float shrink = power_of_two(top[half] - highest);
              top[half] = highest;
              sum[half] *= shrink;
#pragma unroll
              for (int i = 0; i < D / 8; ++i) {
                o[4 * i + 2 * half] *= shrink;
                o[4 * i + 2 * half + 1] *= shrink;
              }
            }
          }
#pragma unroll
          for (int j = 0; j < N / 8; ++j) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              const float a = power_of_two(fmaf(s[4 * j + 2 * half], factor, -top[half]));
              const float b = power_of_two(fmaf(s[4 * j + 2 * half + 1], factor, -top[half]));
              sum[half] += a + b;
              p[j / 2][j % 2 * 2 + half] = pack<T>(a, b);
            }
          }
        } else {
#pragma unroll
          for (int i = 0; i < N / 4; ++i) p[i / 4][i % 4] = 0;
        }
        begin_products();
#pragma unroll
        for (int j = 0; j < N / 16; ++j) {
          multiply_rows<T>(o, p[j], values + j * (short_rows * row / 16), 1);
        }
        end_products();
      };

#pragma unroll 1
      for (int c = 0; c < chunks; ++c) {
        enter(c);
        const int stage = (n + c) % stages, left = tokens - c * chunk;
        if (work.long_last && c + 1 == chunks) {
          process.template operator()<max_chunk>(stage, left);
        } else {
          process.template operator()<chunk>(stage, left);
        }
        if (mine_next + groups >= item.tiles) leave(c);
      }
      if (active) {
        const std::int64_t dim = static_cast<std::int64_t>(work.heads) * D;
        store_result<D>(out + (static_cast<std::int64_t>(item.image) * tokens + first_row) * dim +
                            item.head * D,
                        dim, tokens - first_row, lane,
                        reinterpret_cast<const float(&)[D / 8][4]>(o), 1.0f / row_sum(sum[0]),
                        1.0f / row_sum(sum[1]));
      }
    }
    if (lane == 0 && count_warp(queries_read(buffer))) load_queries(turn + buffers);
    __syncwarp();
  }
#endif
}

}  // namespace

bool hopper_fits(const Queue& queue, AttentionShape shape, DType dtype) {
  return queue.compute_capability == 90 && (dtype == DType::f16 || dtype == DType::bf16) &&
         shape.dim / shape.heads == D;
}

void hopper(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void* out) {
  if (!hopper_fits(queue, shape, dtype)) throw std::invalid_argument("attn::hopper");
  const Work work = divide(shape, queue.multiprocessors);
  const int items = work.images * work.heads * work.parts;
  const auto start = [&]<class T>(T* target) {
    launch(queue, "the attention kernel", hopper_kernel<T>,
           dim3(static_cast<unsigned>(std::min(items, queue.multiprocessors))), dim3(threads),
           shared_bytes, map_heads(qkv, dtype, shape, D, tile),
           map_heads(qkv, dtype, shape, D, short_rows), work,
           1.4426950408889634f / std::sqrt(static_cast<float>(D)), target);
  };
  if (dtype == DType::f16) {
    start(static_cast<__half*>(out));
  } else {
    start(static_cast<__nv_bfloat16*>(out));
  }
}

}  // namespace quantring::cuda::attn
