#pragma once
// Kernel launches that may start before the previous kernel has ended (programmatic dependent
// launch, compute capability 9.0): the start of a kernel, and loads that do not depend on its
// predecessor (weights), overlap with the predecessor's end. Elsewhere these do nothing.
//
// The rule for every kernel started by launch(): each thread block calls wait_for_predecessor()
// before it accesses anything but weights and parameters, and before it returns early. The next
// kernel may then rely on all earlier ones being complete.

#include <cuda_runtime.h>

#include <utility>

#include "ops/cuda/device/error.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

// Returns when all earlier kernels of the stream are complete and their writes visible.
__device__ inline void wait_for_predecessor() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel's blocks start as soon as there is room for them. Called by every block
// as early as possible: the successor waits for this kernel's end before it reads results.
__device__ inline void release_successor() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// name: for the error message. shared: dynamic shared memory in bytes; more than 48 KiB is
// requested here.
template <class... Parameters, class... Arguments>
void launch(const Queue& queue, const char* name, void (*kernel)(Parameters...), dim3 grid,
            dim3 block, std::size_t shared, Arguments&&... arguments) {
  if (shared > 48 * 1024) {
    check(
        cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                             cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)),
        name);
  }
  cudaLaunchAttribute early{};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = queue.stream;
  config.attrs = &early;
  config.numAttrs = queue.compute_capability >= 90 ? 1u : 0u;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), name);
}

}  // namespace quantring::cuda
