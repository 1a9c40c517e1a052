#pragma once
// Hopper's bulk tensor copies (TMA) between device and shared memory and the barriers in shared
// memory that they complete on. PTX ISA: cp.async.bulk.tensor, mbarrier. Addresses of shared memory
// are 32-bit; in a cluster the same address is valid in each of its blocks.

#include <cuda.h>

#include <cstdint>
#include <cstdio>

#include "ops/cuda/tensor_core.cuh"

namespace quantring::cuda {

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

__device__ inline void barrier_init(std::uint32_t barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
// After the inits: makes them visible to the copies and to the cluster's other block.
__device__ inline void barrier_init_done() {
  asm volatile("fence.mbarrier_init.release.cluster;\nfence.proxy.async;" ::: "memory");
}
__device__ inline void barrier_arrive(std::uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
// On the barrier at the same address in block `rank` of the cluster. Relaxed: a release at
// cluster scope is a fence of all GPU memory, and orders nothing that a stage needs.
__device__ inline void barrier_arrive_at(std::uint32_t barrier, std::uint32_t rank) {
  asm volatile(
      "{\n.reg .b32 remote;\nmapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [remote];\n}" ::"r"(barrier),
      "r"(rank)
      : "memory");
}
// Arrives, and announces that many bytes of copies.
__device__ inline void barrier_expect(std::uint32_t barrier, std::uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}

// Waits for the end of the phase of this parity: 0 for the first.
__device__ inline void barrier_wait(std::uint32_t barrier, std::uint32_t parity) {
#ifdef QUANTRING_BOUNDED_WAITS
  const long long begin = clock64();
#endif
  while (true) {
    std::uint32_t done;
    asm volatile(
        "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n}"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
    if (done) return;
#ifdef QUANTRING_BOUNDED_WAITS  // for the test: a hang becomes an error message
    if (clock64() - begin > 3000000000ll) {
      printf("block %d thread %d: barrier %u parity %u never came\n", static_cast<int>(blockIdx.x),
             static_cast<int>(threadIdx.x), barrier, parity);
      __trap();
    }
#endif
  }
}

__device__ inline void prefetch_map(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}
// The box at (column, row) of the map's tensor; elements outside are zero. Counted on `barrier`.
__device__ inline void tensor_load(std::uint32_t target, const CUtensorMap* map, int column,
                                   int row, std::uint32_t barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%2, %3}], [%4];" ::"r"(target),
      "l"(map), "r"(column), "r"(row), "r"(barrier)
      : "memory");
}
// The same into each of the blocks of `mask`, counted on each one's own barrier.
__device__ inline void tensor_load_all(std::uint32_t target, const CUtensorMap* map, int column,
                                       int row, std::uint32_t barrier, std::uint16_t mask) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(target),
      "l"(map), "r"(column), "r"(row), "r"(barrier), "h"(mask)
      : "memory");
}
// Elements outside the tensor are not written. Part of this thread's next group of stores.
__device__ inline void tensor_store(const CUtensorMap* map, int column, int row,
                                    std::uint32_t source) {
  asm volatile(
      "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%1, %2}], [%3];" ::"l"(map),
      "r"(column), "r"(row), "r"(source)
      : "memory");
}
__device__ inline void tensor_add(const CUtensorMap* map, int column, int row,
                                  std::uint32_t source) {
  asm volatile(
      "cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.bulk_group [%0, {%1, %2}], [%3];" ::
          "l"(map),
      "r"(column), "r"(row), "r"(source)
      : "memory");
}
__device__ inline void store_commit() {
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}
// Returns when all but the latest `pending` groups have read their shared memory.
template <int pending>
__device__ inline void store_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(pending) : "memory");
}
// Makes this thread's writes to shared memory visible to copies and wgmma.
__device__ inline void fence_shared_writes() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

template <class T>
__device__ inline void shared_store(std::uint32_t address, T value) {
  *static_cast<T*>(__cvta_shared_to_generic(address)) = value;
}
template <class T>
__device__ inline T shared_load(std::uint32_t address) {
  return *static_cast<const T*>(__cvta_shared_to_generic(address));
}

__device__ inline std::uint32_t cluster_rank() {
  std::uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
__device__ inline void cluster_sync() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;\nbarrier.cluster.wait.aligned;" ::
                   : "memory");
}

#endif

}  // namespace quantring::cuda
