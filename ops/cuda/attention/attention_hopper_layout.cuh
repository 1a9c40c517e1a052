#pragma once
// Shared memory layout and work distribution of attention_hopper.cu.

#include <cuda.h>

#include <cstdint>

#include "ops/backend.h"

namespace quantring::cuda::attn::hopper_layout {

constexpr int D = 64;
constexpr int groups = 4, warps = 4 * groups, threads = 32 * warps;
constexpr int row = D * 2;  // bytes
constexpr int tile = 64, short_rows = 16;
// Up to 16 remaining keys are added to the last 64.
constexpr int chunk = 64, max_chunk = chunk + short_rows;
constexpr int chunk_bytes = max_chunk * row;  // of keys, followed by as many of values
constexpr int stages = 7;
constexpr int max_tiles = 5;  // of an item
constexpr int query_bytes = 2 * max_tiles * tile * row;
constexpr int max_buffers = 8;  // for queries, one per item
// After the queries and the stages: barriers for loaded data, and counters of the warps that have
// finished with it.
constexpr int barriers_at = query_bytes + stages * 2 * chunk_bytes;
constexpr int counters_at = barriers_at + (stages + max_buffers) * 8;
constexpr int shared_bytes = counters_at + (stages + max_buffers) * 4;

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
