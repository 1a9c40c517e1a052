#pragma once
// The order in which a block of the wgmma kernel computes its tiles, and the layout of its shared
// memory.

#include "ops/cuda/wgmma/wgmma_pipeline.cuh"
#include "ops/cuda/wgmma/wgmma_tile.cuh"

namespace quantring::cuda {

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

// The first row and column of y of the tile that this block computes as its number i; false after
// the last.
template <class Tile>
__device__ inline bool place(const WgmmaArguments& a, int i, int rank, int& row, int& column) {
  const int block = static_cast<int>(blockIdx.x) / Tile::cluster;
  const int blocks = static_cast<int>(gridDim.x) / Tile::cluster;
  const int unit = i * blocks + block;
  if (unit >= a.row_units * a.column_units) return false;
  const int in_group = a.group * a.column_units;
  const int first = unit / in_group * a.group, rest = unit % in_group;
  const int height = min(a.row_units - first, a.group);
  row = first + rest % height;
  column = rest / height;
  if constexpr (Tile::share == Share::x) column = 2 * column + rank;
  if constexpr (Tile::share == Share::w) row = 2 * row + rank;
  row *= Tile::rows;
  column *= Tile::columns;
  return true;
}

// Addresses.
template <class Tile>
struct WgmmaShared {
  std::uint32_t x, w;        // the ring's stages
  std::uint32_t boxes;       // each warp's boxes of y
  std::uint32_t parameters;  // of two tiles
  // Barriers. full, empty: of each stage; arrived: of each box, that the old y is there; turn: of
  // each warpgroup; ready, free: of each tile's parameters.
  std::uint32_t full, empty, arrived, turn, ready, free;

  __device__ explicit WgmmaShared(std::uint32_t base)
      : x(base),
        w(x + Tile::stages * Tile::x_bytes),
        boxes(w + Tile::stages * Tile::w_bytes),
        parameters(boxes + Tile::warps * Tile::boxes * Tile::box_bytes),
        full(parameters + 2 * Tile::parameter_bytes),
        empty(full + 8 * Tile::stages),
        arrived(empty + 8 * Tile::stages),
        turn(arrived + 8 * Tile::warps * Tile::boxes),
        ready(turn + 8 * Tile::warpgroups),
        free(ready + 16) {}

  // One thread.
  __device__ void init_barriers() const {
    constexpr int readers = 4 * (Tile::ping_pong ? 1 : Tile::warpgroups);
    for (int i = 0; i < Tile::stages; ++i) {
      barrier_init(full + 8 * i, 1);
      barrier_init(empty + 8 * i, readers * Tile::cluster);
    }
    for (int i = 0; i < Tile::warps * Tile::boxes; ++i) barrier_init(arrived + 8 * i, 1);
    for (int i = 0; i < Tile::warpgroups; ++i) barrier_init(turn + 8 * i, 4);
    // Every thread that writes or reads parameters arrives itself: an arrival of one lane after
    // __syncwarp would suffice, but racecheck does not recognise it.
    for (int i = 0; i < 2; ++i) {
      barrier_init(ready + 8 * i, 96);
      barrier_init(free + 8 * i, 32 * readers);
    }
    barrier_init_done();
  }
};

// A warp has finished with a stage: in a cluster both blocks' copies wait for that.
template <class Tile>
__device__ inline void leave_stage(const WgmmaShared<Tile>& shared, int stage, int lane) {
  if (lane < Tile::cluster) {
    if constexpr (Tile::cluster == 1) {
      barrier_arrive(shared.empty + 8 * stage);
    } else {
      barrier_arrive_at(shared.empty + 8 * stage, static_cast<std::uint32_t>(lane));
    }
  }
}

#endif

}  // namespace quantring::cuda
