#pragma once
// Shared memory and division of work of the attention kernel for Hopper, attention_hopper.cu.

#include <cuda.h>

#include <cstdint>

#include "ops/backend.h"

namespace quantring::cuda::attn::hopper_layout {

constexpr int D = 64;
constexpr int groups = 4, warps = 4 * groups, threads = 32 * warps;
constexpr int row = D * 2;  // bytes
constexpr int tile = 64, short_rows = 16;
// Up to 16 keys that are left over join the last 64.
constexpr int chunk = 64, longest_chunk = chunk + short_rows;
constexpr int chunk_bytes = longest_chunk * row;  // of keys, and as much of values behind them
constexpr int stages = 7;
constexpr int most_tiles = 5;  // of an item
constexpr int query_bytes = 2 * most_tiles * tile * row;
constexpr int most_buffers = 8;  // that this is divided into, each for the queries of an item
// After the queries and the stages: barriers for what has been loaded, and counters of the warps
// that are done with it.
constexpr int barriers_at = query_bytes + stages * 2 * chunk_bytes;
constexpr int counters_at = barriers_at + (stages + most_buffers) * 8;
constexpr int shared_bytes = counters_at + (stages + most_buffers) * 4;

struct Work {
  int images, tokens, heads;
  int parts;    // of a head's tiles, each an item
  int buffers;  // at least 2
  int chunks;
  bool long_last;
};

#ifdef __CUDA_ARCH_FEAT_SM90_ALL
__device__ inline void load_box(std::uint32_t target, const CUtensorMap* map, int column, int token,
                                int image, std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%2, %3, %4}], [%5];" ::"r"(target),
      "l"(map), "r"(column), "r"(token), "r"(image), "r"(barrier)
      : "memory");
}
// True for the last of the block's warps.
__device__ inline bool count_warp(std::uint32_t counter) {
  std::uint32_t before;
  asm volatile("atom.acq_rel.cta.shared::cta.add.u32 %0, [%1], 1;"
               : "=r"(before)
               : "r"(counter)
               : "memory");
  return before % warps == warps - 1;
}
#endif

}  // namespace quantring::cuda::attn::hopper_layout
