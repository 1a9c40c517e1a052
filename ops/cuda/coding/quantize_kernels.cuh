#pragma once
// The kernels that quantize a batch, and their launch.

#include "ops/cuda/coding/coding_width.h"
#include "ops/cuda/coding/quantize.h"
#include "ops/cuda/coding/quantize_held.cuh"
#include "ops/cuda/coding/quantize_team.cuh"
#include "ops/cuda/device/launch.h"

namespace quantring::cuda {

// One kernel per phase; grid: (blocks of a team, images); scratch: Found [images, blocks].

static_assert(sizeof(Found) <= 64, "quantize_scratch_bytes relies on this");

__device__ inline Found* team_found(const QuantizeCall& call) {
  return static_cast<Found*>(call.scratch) + std::size_t{blockIdx.y} * gridDim.x;
}

template <class T>
__global__ void __launch_bounds__(1024) extremes_kernel(const QuantizeCall call) {
  __shared__ BlockShared shared;
  wait_for_predecessor();
  release_successor();
  const Image<const T> image(static_cast<const T*>(call.values), blockIdx.y, call.each);
  const int rank = static_cast<int>(blockIdx.x);
  find_extent(image, Part(image.tiles(), rank, static_cast<int>(gridDim.x)),
              call.clip == Clip::ds_aciq_plus, shared, team_found(call)[rank]);
}

template <class T>
__global__ void __launch_bounds__(1024) statistics_kernel(const QuantizeCall call) {
  __shared__ BlockShared shared;
  wait_for_predecessor();
  release_successor();
  const Image<const T> image(static_cast<const T*>(call.values), blockIdx.y, call.each);
  const int rank = static_cast<int>(blockIdx.x), blocks = static_cast<int>(gridDim.x);
  Found* const found = team_found(call);
  const Extent extent = team_extent({found, blocks});
  if (!(extent.extremes.low < extent.extremes.high)) return;
  if (call.clip == Clip::aciq) {
    find_moments(image, Part(image.tiles(), rank, blocks), coding::unit_scale(extent.extremes),
                 shared, found[rank]);
  } else {
    const std::uint64_t key =
        min_error_key(image, call.dim, extent, call.top, rank, blocks, shared);
    if (threadIdx.x == 0) found[rank].key = key;
  }
}

template <class T, int bits>
__global__ void __launch_bounds__(1024) codes_kernel(const QuantizeCall call) {
  __shared__ BlockShared shared;
  if (call.clip == Clip::ds_aciq) clear_counts(shared);
  wait_for_predecessor();
  release_successor();
  const Image<const T> image(static_cast<const T*>(call.values), blockIdx.y, call.each);
  const int rank = static_cast<int>(blockIdx.x);
  const Part part(image.tiles(), rank, static_cast<int>(gridDim.x));
  const Team team{team_found(call), static_cast<int>(gridDim.x)};
  const coding::Extremes extremes = team_extent(team).extremes;
  float clip = coding::no_clip;
  if (extremes.low < extremes.high) {
    if (call.clip == Clip::aciq) {
      clip = team_moment_clip(team, image.count, coding::unit_scale(extremes), call.factor, shared);
    } else if (call.clip == Clip::ds_aciq) {
      __syncthreads();  // the counts are cleared
      const coding::Binning binning = coding::binning(extremes);
      clip = fit_clip(find_fit(image, binning, 0, 1, shared), binning, call.factor);
    } else if (call.clip == Clip::ds_aciq_plus) {
      clip = team_error_clip(team, extremes);
    }
  }
  const Quantizer<bits> quantizer(coding::clamped(extremes, clip));
  if (rank == 0 && threadIdx.x == 0) call.ranges[blockIdx.y] = quantizer.range;
  write_codes(image, part, quantizer, shared, call.codes + blockIdx.y * call.code_bytes);
}

// launch() with a cluster.
template <class Kernel>
void launch_clusters(const Queue& queue, Kernel* kernel, dim3 grid, int threads,
                     const QuantizeCall& call) {
  cudaLaunchAttribute attributes[2]{};
  attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[0].val.programmaticStreamSerializationAllowed = 1;
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim.x = grid.x;
  attributes[1].val.clusterDim.y = 1;
  attributes[1].val.clusterDim.z = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = queue.stream;
  config.attrs = attributes;
  config.numAttrs = 2;
  if (grid.x > 8) {
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                               cudaFuncAttributeNonPortableClusterSizeAllowed, 1),
          "the quantize kernel");
  }
  check(cudaLaunchKernelEx(&config, kernel, call), "the quantize kernel");
}

template <class T>
void quantize_type(const Queue& queue, const QuantizePlan& plan, int bits,
                   const QuantizeCall& call) {
  const dim3 grid(static_cast<unsigned>(plan.blocks), static_cast<unsigned>(call.images));
  const dim3 block(static_cast<unsigned>(plan.threads));
  with_width(bits, [&](auto width) {
    if constexpr (sizeof(T) == 2) {
      if (plan.method == QuantizePlan::Method::held) {
        launch_clusters(queue, quantize_held_kernel<T, width.value>, grid, plan.threads, call);
        return;
      }
    }
    launch(queue, "the extremes kernel", extremes_kernel<T>, grid, block, 0, call);
    if (call.clip == Clip::aciq || call.clip == Clip::ds_aciq_plus) {
      launch(queue, "the statistics kernel", statistics_kernel<T>, grid, block, 0, call);
    }
    launch(queue, "the codes kernel", codes_kernel<T, width.value>, grid, block, 0, call);
  });
}

}  // namespace quantring::cuda
