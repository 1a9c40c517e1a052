#include "ops/cuda/device/memory.h"

#include <cstdio>
#include <string>

#include "ops/cuda/device/error.h"

namespace quantring::cuda {
namespace {

std::string megabytes(std::size_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

}  // namespace

void* allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // else the next kernel would report this error again
    std::size_t free = 0, total = 0;
    int device = 0;
    cudaGetDevice(&device);
    cudaMemGetInfo(&free, &total);
    throw Error("out of memory on cuda:" + std::to_string(device) + ": " + megabytes(bytes) +
                " more are needed, " + megabytes(free) + " of " + megabytes(total) +
                " are free: use a smaller batch, or a ring of more stages");
  }
  check(error, "cudaMalloc");
  check(cudaMemset(memory, 0, bytes), "cudaMemset");
  // Our streams do not synchronise with the default one.
  check(cudaStreamSynchronize(cudaStreamLegacy), "cudaMemset");
  return memory;
}

void release(void* memory) noexcept {
  if (memory != nullptr) cudaFree(memory);
}

}  // namespace quantring::cuda
