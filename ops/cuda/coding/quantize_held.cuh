#pragma once
// Fast quantization of 16-bit values: a cluster holds an image in its L1 caches. Each block writes
// its results into the shared memory of the others, where reading them after a cluster barrier is
// fast. Same bits as quantize_team.cuh.

#include <cooperative_groups.h>

#include "ops/cuda/coding/quantize.h"
#include "ops/cuda/coding/quantize_fast_codes.cuh"
#include "ops/cuda/coding/quantize_held_clip.cuh"
#include "ops/cuda/coding/quantize_math.cuh"
#include "ops/cuda/device/launch.h"

namespace quantring::cuda {

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

// Extremes of a warp's values; finite: whether all values are.
template <class T>
__device__ inline coding::Extremes held_extremes(const Held<T>& held, bool& finite) {
  auto low = pair_of<T>(Pairs<T>::infinities),
       high = pair_of<T>(Pairs<T>::infinities | 0x80008000u);
  auto check = pair_of<T>(0);
  const auto zero = pair_of<T>(0);
  // Several loads in flight.
  constexpr int ahead = 5;
#pragma unroll 1
  for (int first = held.tile; first < held.end; first += ahead * held.warps) {
    uint4 vector[ahead];
    bool there[ahead];
#pragma unroll
    for (int k = 0; k < ahead; ++k) {
      const int tile = first + k * held.warps, at = tile * 32 + lane_index();
      there[k] = tile < held.end && at < held.vectors;
      if (there[k]) vector[k] = held.image[at];
    }
#pragma unroll
    for (int k = 0; k < ahead; ++k) {
      if (!there[k]) continue;
      const std::uint32_t words[4] = {vector[k].x, vector[k].y, vector[k].z, vector[k].w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const auto x = pair_of<T>(words[i]);
        low = __hmin2(low, x);
        high = __hmax2(high, x);
        check = __hfma2(x, zero, check);  // NaN once a value is not finite
      }
    }
  }
  coding::Extremes found{fminf(Pairs<T>::low(low), Pairs<T>::high(low)),
                         fmaxf(Pairs<T>::low(high), Pairs<T>::high(high))};
  const float both = Pairs<T>::low(check) + Pairs<T>::high(check);
  finite = __all_sync(all_lanes, both == both) != 0;
  if (!finite) {
    found = {};
    held.each([&](const float(&x)[lane_values]) {
#pragma unroll
      for (int i = 0; i < lane_values; ++i) {
        const float value = coding::is_finite(x[i]) ? x[i] : nanf("");
        found.low = fminf(found.low, value);
        found.high = fmaxf(found.high, value);
      }
    });
  }
  return {warp_min(found.low), warp_max(found.high)};
}

// The first positions of a warp's extremes.
template <class T>
__device__ inline Extent held_places(const Held<T>& held, coding::Extremes extremes) {
  Extent mine{extremes, {}};
  held.each_tile([&](const uint4& words, int, int vector) {
    if (vector >= held.vectors) return;
    float x[lane_values];
    held.values(words, x);
    find_places(x, static_cast<std::uint64_t>(vector) * lane_values, extremes, mine.places);
  });
  return warp_extent(mine);
}

template <class T, int bits>
__device__ inline void held_codes(const Held<T>& held, bool fast, const Quantizer<bits>& quantizer,
                                  HeldShared& shared, std::byte* image_codes, std::int64_t each) {
  constexpr bool power_of_two = (bits & (bits - 1)) == 0;
  constexpr unsigned alignment = bits < 8 ? bits : 8;
  const bool direct =
      power_of_two && reinterpret_cast<std::uintptr_t>(image_codes) % alignment == 0;
  const FastQuantizer<bits> quick{quantizer.range.offset, quantizer.range.scale, quantizer.inverse};
  auto& stage = reinterpret_cast<TileCodes<bits>&>(shared.block.stage[warp_index()]);
  held.each_tile([&](const uint4& words, int tile, int vector) {
    float x[lane_values];
    held.values(words, x);
    std::uint32_t raw[lane_values];
    if (fast) {
#pragma unroll
      for (int i = 0; i < lane_values; ++i) raw[i] = quick.raw_code(x[i]);
    } else {
#pragma unroll
      for (int i = 0; i < lane_values; ++i) {
        const std::uint32_t code = quantizer.range.scale == 0.0F ? 0 : quantizer.code(x[i]);
        raw[i] = code + 0x4b000000u;
      }
    }
    const LaneCodes<bits> packed = pack_raw<bits>(raw);
    if constexpr (power_of_two) {
      if (direct) {
        if (vector < held.vectors) store_direct<bits>(packed, image_codes + vector * bits);
        return;
      }
    }
    store_codes<bits>(packed, stage, image_codes, each, tile);
  });
}

#endif

// grid: (blocks of a cluster, images); call.each: a multiple of 8, values aligned to 16 bytes, at
// most max_held_vectors * blocks * threads vectors.
template <class T, int bits>
__global__ void __launch_bounds__(512, 2) quantize_held_kernel(const QuantizeCall call) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  __shared__ HeldShared shared;
  const auto cluster = cooperative_groups::this_cluster();
  auto started = cluster.barrier_arrive();
  const HeldTeam team{shared, static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x)};
  const int lane = lane_index(), warp = warp_index();
  if (call.clip == Clip::ds_aciq) clear_counts(shared.block);
  wait_for_predecessor();
  release_successor();

  const int vectors = static_cast<int>(call.each / lane_values);
  const Image<const T> image(static_cast<const T*>(call.values), blockIdx.y, call.each);
  const Held<T> held(image.values, vectors, team.rank, team.blocks);
  bool finite;
  Extent extent;
  extent.extremes = held_extremes(held, finite);
  if (call.clip == Clip::ds_aciq_plus) extent = held_places(held, extent.extremes);
  if (lane == 0) shared.block.extents[warp] = extent;
  __syncthreads();
  cluster.barrier_wait(std::move(started));  // the other blocks have started
  if (warp == 0) {
    Extent all;
    if (lane < block_warps()) all = shared.block.extents[lane];
    all = warp_extent(all);
    if (lane < team.blocks) *team.in_block(&shared.extents[team.rank], lane) = all;
  }
  cluster.sync();
  extent = {};
  if (lane < team.blocks) extent = shared.extents[lane];
  extent = warp_extent(extent);
  const coding::Extremes extremes = extent.extremes;

  float clip = coding::no_clip;
  if (call.clip != Clip::none && extremes.low < extremes.high) {
    if (call.clip == Clip::aciq) {
      clip = held_moment_clip(team, held, finite, extremes, call.each, call.factor);
    } else if (call.clip == Clip::ds_aciq) {
      clip = held_fit_clip(team, image, extremes, call.factor);
    } else {
      clip = held_error_clip(team, image, call.dim, extent, call.top);
    }
  }
  const Quantizer<bits> quantizer(coding::clamped(extremes, clip));
  if (team.rank == 0 && threadIdx.x == 0) call.ranges[blockIdx.y] = quantizer.range;
  const bool fast = finite && FastQuantizer<bits>::fits(quantizer, extremes);
  held_codes(held, fast, quantizer, shared, call.codes + blockIdx.y * call.code_bytes, call.each);
#endif
}

}  // namespace quantring::cuda
