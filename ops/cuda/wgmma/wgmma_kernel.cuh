#pragma once
// y = activation(alpha x W^T + b), the same after a norm whose row sums are known
// (linear_weights.h), or y += alpha x W^T + b on Hopper: a persistent kernel whose first warp
// copies tiles of x and W into a ring of stages in shared memory (TMA), while the other warpgroups
// multiply them (wgmma) and write y.

#include "ops/cuda/device/launch.h"
#include "ops/cuda/wgmma/wgmma_epilogue.cuh"
#include "ops/cuda/wgmma/wgmma_instruction.cuh"
#include "ops/cuda/wgmma/wgmma_order.cuh"
#include "ops/cuda/wgmma/wgmma_pipeline.cuh"
#include "ops/cuda/wgmma/wgmma_tile.cuh"

namespace quantring::cuda {

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

// Producer, one thread: keeps the ring of stages full.
template <class Tile>
__device__ inline void produce(const WgmmaShared<Tile>& shared, const CUtensorMap* x,
                               const CUtensorMap* w, const WgmmaArguments& a, int rank) {
  constexpr std::uint32_t bytes = Tile::x_bytes + Tile::w_bytes;
  int row, column;
  const auto load_x = [&](int stage, int step) {
    const std::uint32_t target = shared.x + stage * Tile::x_bytes;
    if constexpr (Tile::share == Share::x) {
      tensor_load_all(target + rank * (Tile::x_bytes / 2), x, 64 * step,
                      row + rank * (Tile::rows / 2), shared.full + 8 * stage, 3);
    } else {
      tensor_load(target, x, 64 * step, row, shared.full + 8 * stage);
    }
  };
  const auto load_w = [&](int stage, int step) {
    const std::uint32_t target = shared.w + stage * Tile::w_bytes;
    if constexpr (Tile::share == Share::w) {
      tensor_load_all(target + rank * (Tile::w_bytes / 2), w, 64 * step,
                      column + rank * (Tile::columns / 2), shared.full + 8 * stage, 3);
    } else {
      tensor_load(target, w, 64 * step, column, shared.full + 8 * stage);
    }
  };
  // The first weights are loaded while the predecessor still computes x.
  const int ahead = min(Tile::stages, a.steps);
  place<Tile>(a, 0, rank, row, column);
  for (int i = 0; i < ahead; ++i) {
    barrier_expect(shared.full + 8 * i, bytes);
    load_w(i, i);
  }
  wait_for_predecessor();
  for (int i = 0; i < ahead; ++i) load_x(i, i);

  int stage = ahead % Tile::stages, step = ahead;
  std::uint32_t parity = ahead == Tile::stages ? 0 : 1;  // 1: a stage that is still unused
  const auto advance = [&] {
    if (++stage == Tile::stages) {
      stage = 0;
      parity ^= 1;
    }
  };
  for (int i = 0; place<Tile>(a, i, rank, row, column); ++i, step = 0) {
    for (; step < a.steps; ++step) {
      barrier_wait(shared.empty + 8 * stage, parity);
      barrier_expect(shared.full + 8 * stage, bytes);
      load_w(stage, step);
      load_x(stage, step);
      advance();
    }
  }
  // This block's memory must exist until the other block's last arrivals at its barriers.
  if constexpr (Tile::cluster > 1) {
    for (int i = 0; i < Tile::stages; ++i, advance()) {
      barrier_wait(shared.empty + 8 * stage, parity);
    }
  }
}

// The mean of a row of x and 1 / its standard deviation, from its sums.
__device__ inline float2 row_statistics(const WgmmaArguments& a, int row) {
  float sum = 0, squares = 0;
  for (int part = 0; part < a.parts; ++part) {
    const float2 sums = __ldcg(a.row_sums + static_cast<std::size_t>(part) * a.rows + row);
    sum += sums.x;
    squares += sums.y;
  }
  const float count = static_cast<float>(a.in), mean = sum / count;
  return make_float2(mean, rsqrtf(fmaxf(squares / count - mean * mean, 0.0f) + a.eps));
}

// Three warps, thread: of 96. They load the parameters of the next tiles into shared memory.
template <class Tile, WgmmaEpilogue kind>
__device__ inline void prepare_parameters(const WgmmaShared<Tile>& shared, const WgmmaArguments& a,
                                          int rank, int thread) {
  int row, column;
  for (int i = 0; place<Tile>(a, i, rank, row, column); ++i) {
    const std::uint32_t target = shared.parameters + i % 2 * Tile::parameter_bytes;
    barrier_wait(shared.free + 8 * (i % 2), i / 2 % 2 ^ 1);
    for (int c = thread; c < Tile::columns; c += 96) {
      const auto value = [&](const float* of_columns) {
        return of_columns != nullptr && column + c < a.out ? __ldg(of_columns + column + c) : 0.0f;
      };
      shared_store(target + 4 * c, value(a.bias));
      if constexpr (kind != WgmmaEpilogue::add) {
        shared_store(target + 4 * (Tile::columns + c), value(a.weight_sums));
      }
    }
    if (i == 0) wait_for_predecessor();  // only weights are read above
    if constexpr (kind != WgmmaEpilogue::add) {
      for (int r = thread; r < Tile::rows; r += 96) {
        float2 statistics = make_float2(0, 1);
        if (a.row_sums != nullptr && row + r < a.rows) statistics = row_statistics(a, row + r);
        statistics.y *= a.alpha;
        shared_store(target + 8 * (Tile::columns + r), statistics);
      }
    }
    barrier_arrive(shared.ready + 8 * (i % 2));
  }
}

// Consumer: a multiplying warpgroup.
template <class Tile, class T, class Y, WgmmaEpilogue kind>
__device__ inline void consume(const WgmmaShared<Tile>& shared, const CUtensorMap* y,
                               const WgmmaArguments& a, int rank) {
  const int warp = static_cast<int>(threadIdx.x) / 32 - 4, lane = threadIdx.x % 32;
  const int warpgroup = warp / 4;
  const int first_row = Tile::ping_pong ? 0 : warpgroup * 64 * Tile::blocks;
  WgmmaWriter<Tile, T, Y, kind> writer(y, a, shared.boxes + warp * Tile::boxes * Tile::box_bytes,
                                       shared.arrived + warp * Tile::boxes * 8,
                                       first_row + warp % 4 * 16);
  wait_for_predecessor();

  // An instruction of 256 columns needs more registers than a block of 512 threads starts with.
  constexpr int at_once = Tile::warpgroups == 3 && Tile::columns == 256 ? 128 : Tile::columns;
  float d[Tile::blocks][Tile::columns / 2];
  constexpr int stride = Tile::ping_pong ? Tile::warpgroups : 1;
  const int first = Tile::ping_pong ? warpgroup : 0;
  int used = first * a.steps;  // stages, of all tiles so far
  std::uint32_t turn_parity = warpgroup == 0;
  int row, column;
  for (int i = first; place<Tile>(a, i, rank, row, column); i += stride) {
    writer.begin(row, column);
    int stage = used % Tile::stages, previous = -1;
    std::uint32_t parity = used / Tile::stages % 2;
    used += a.steps * stride;
    if constexpr (Tile::ping_pong) {
      // Stages are filled in the order of tiles: before its turn a warpgroup could mistake the
      // parity of a round of the ring for that of two rounds later.
      barrier_wait(shared.turn + 8 * warpgroup, turn_parity);
      turn_parity ^= 1;
    }
#pragma unroll
    for (int block = 0; block < Tile::blocks; ++block) pin(d[block]);
    for (int step = 0; step < a.steps; ++step) {
      barrier_wait(shared.full + 8 * stage, parity);
      const std::uint64_t x = matrix_descriptor(shared.x + stage * Tile::x_bytes + first_row * 128);
      const std::uint64_t w = matrix_descriptor(shared.w + stage * Tile::w_bytes);
      wgmma_begin();
#pragma unroll
      for (int k = 0; k < 4; ++k) {
#pragma unroll
        for (int block = 0; block < Tile::blocks; ++block) {
#pragma unroll
          for (int part = 0; part < Tile::columns; part += at_once) {
            Wgmma<T, at_once>::run(reinterpret_cast<float(&)[at_once / 2]>(d[block][part / 2]),
                                   x + 2 * k + block * (64 * 128 >> 4), w + 2 * k + part * 8,
                                   step > 0 || k > 0);
          }
        }
      }
      wgmma_commit();
      wgmma_wait<1>();  // the step before is done: its stage is free
      if (previous >= 0) leave_stage<Tile>(shared, previous, lane);
      previous = stage;
      if (++stage == Tile::stages) {
        stage = 0;
        parity ^= 1;
      }
    }
    if constexpr (Tile::ping_pong) {
      if (lane == 0) barrier_arrive(shared.turn + 8 * ((warpgroup + 1) % Tile::warpgroups));
    }
    wgmma_wait<0>();
#pragma unroll
    for (int block = 0; block < Tile::blocks; ++block) pin(d[block]);
    leave_stage<Tile>(shared, previous, lane);

    barrier_wait(shared.ready + 8 * (i % 2), i / 2 % 2);
    const std::uint32_t parameters = shared.parameters + i % 2 * Tile::parameter_bytes;
    writer.template write<0>(d[0], parameters);
    if constexpr (Tile::blocks == 2) writer.template write<1>(d[1], parameters);
    barrier_arrive(shared.free + 8 * (i % 2));
  }
  writer.end();
}

#endif

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define QR_CLUSTER(blocks)
#else
#define QR_CLUSTER(blocks) __cluster_dims__(blocks, 1, 1)
#endif

template <class Tile, class T, class Y, WgmmaEpilogue kind>
__global__ void QR_CLUSTER(Tile::cluster) __launch_bounds__(Tile::threads, 1)
    wgmma_product(const __grid_constant__ CUtensorMap x, const __grid_constant__ CUtensorMap w,
                  const __grid_constant__ CUtensorMap y,
                  const __grid_constant__ WgmmaArguments arguments) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ __align__(1024) unsigned char memory[];
  const WgmmaShared<Tile> shared(shared_address(memory));
  const int rank = Tile::cluster == 1 ? 0 : static_cast<int>(cluster_rank());
  if (threadIdx.x == 0) {
    prefetch_map(&x);
    prefetch_map(&w);
    prefetch_map(&y);
    shared.init_barriers();
  }
  if constexpr (Tile::cluster == 1) {
    __syncthreads();
  } else {
    cluster_sync();
  }
  release_successor();

  // Registers are moved from the first warpgroup to the multiplying ones.
  if (threadIdx.x < 128) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Tile::registers));
    if (threadIdx.x == 0) {
      produce<Tile>(shared, &x, &w, arguments, rank);
    } else if (threadIdx.x >= 32) {
      prepare_parameters<Tile, kind>(shared, arguments, rank, static_cast<int>(threadIdx.x) - 32);
    }
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Tile::registers_multiplying));
    consume<Tile, T, Y, kind>(shared, &y, arguments, rank);
  }
#endif
}

#undef QR_CLUSTER

// rare: also the rarer epilogues.
template <class T, bool rare, int warpgroups, int blocks, int columns, int stages, bool ping_pong,
          Share share>
constexpr WgmmaChoice wgmma_choice(const char* name) {
  using Tile = WgmmaTile<warpgroups, blocks, columns, stages, ping_pong, share>;
  WgmmaChoice choice{name,
                     Tile::rows,
                     columns,
                     Tile::box_columns_16,
                     Tile::cluster,
                     Tile::threads,
                     share,
                     ping_pong,
                     Tile::shared_bytes,
                     {wgmma_product<Tile, T, T, WgmmaEpilogue::plain>,
                      wgmma_product<Tile, T, T, WgmmaEpilogue::gelu_erf>, nullptr,
                      wgmma_product<Tile, T, T, WgmmaEpilogue::add>},
                     {}};
  if constexpr (rare) {
    static_assert(Tile::swizzled);  // as boxes of f32 are
    choice.to_16[2] = wgmma_product<Tile, T, T, WgmmaEpilogue::other_gelu>;
    choice.to_f32[0] = wgmma_product<Tile, T, float, WgmmaEpilogue::plain>;
    choice.to_f32[3] = wgmma_product<Tile, T, float, WgmmaEpilogue::add>;
  }
  return choice;
}

template <class T>
std::span<const WgmmaChoice> wgmma_choices() {
  constexpr Share none = Share::nothing;
  static const WgmmaChoice choices[] = {
      wgmma_choice<T, true, 3, 1, 192, 4, false, none>("192x192_c3_s4"),
      wgmma_choice<T, false, 3, 1, 192, 3, false, none>("192x192_c3_s3"),
      wgmma_choice<T, false, 3, 1, 256, 3, false, none>("192x256_c3_s3"),
      wgmma_choice<T, false, 2, 1, 256, 4, false, Share::w>("128x256_c2_s4_w"),
      wgmma_choice<T, false, 2, 2, 192, 4, true, Share::w>("128x192_p2_s4_w"),
      wgmma_choice<T, false, 2, 2, 128, 5, true, none>("128x128_p2_s5"),
      wgmma_choice<T, true, 2, 1, 128, 6, false, none>("128x128_c2_s6"),
      wgmma_choice<T, false, 2, 1, 96, 6, false, Share::x>("128x96_c2_s6_x"),
      wgmma_choice<T, false, 2, 1, 80, 6, false, none>("128x80_c2_s6")};
  return choices;
}

}  // namespace quantring::cuda
