#pragma once
// The shared memory of a cluster, from compute capability 9.0 on.

#include <cuda_runtime.h>

#include <cstdint>

namespace quantring::cuda::mma {

// Clusters: blocks that run at the same time and can access each other's shared memory. Before 9.0
// a cluster is one block and none of this is called.

__device__ inline void arrive_at_cluster() {
  __syncwarp();
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}
__device__ inline void wait_for_cluster() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}
// The same address in the shared memory of the cluster's block `rank`.
__device__ inline std::uint32_t cluster_address(std::uint32_t shared, int rank) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  std::uint32_t there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared), "r"(rank));
  return there;
#else
  return shared + 0 * rank;
#endif
}
__device__ inline float4 load_cluster(std::uint32_t address) {
  float4 v{};
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
               : "r"(address)
               : "memory");
#endif
  return v;
}
}  // namespace quantring::cuda::mma
