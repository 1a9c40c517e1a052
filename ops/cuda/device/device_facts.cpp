// Properties of a GPU for display.

#include <cuda_runtime_api.h>

#include "ops/backend.h"
#include "ops/cuda/device/error.h"

namespace quantring::cuda {

std::string device_name(int index) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  return properties.name;
}

std::uint64_t bytes_in_use(int index) {
  std::size_t free = 0, total = 0;
  check(cudaSetDevice(index), "cudaSetDevice");
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return total - free;
}

}  // namespace quantring::cuda
