// Whether this build can use a GPU of this machine.

#include <cuda_runtime.h>

#include <string>

#include "ops/backend.h"

namespace quantring::cuda {
namespace {

// Queried to find out whether this build has machine code for a GPU.
__global__ void nothing() {}

std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

}  // namespace

std::string why_unusable(int index) {
  int count = 0, driver = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) cudaGetLastError();
  cudaDriverGetVersion(&driver);
  if (driver == 0) return "no NVIDIA driver here (libcuda.so.1 is not installed)";
  if (error == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver supports CUDA " + version(driver) + ", this build needs " +
           version(CUDART_VERSION) + ": install a newer driver";
  }
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0))
    return "no NVIDIA GPU here";
  if (error != cudaSuccess) return std::string("CUDA does not start: ") + cudaGetErrorString(error);
  if (index >= count) {
    return "there is no cuda:" + std::to_string(index) + ", only cuda:0" +
           (count > 1 ? " to cuda:" + std::to_string(count - 1) : "");
  }
  cudaDeviceProp properties{};
  cudaFuncAttributes attributes{};
  cudaError_t loaded = cudaSetDevice(index);
  if (loaded == cudaSuccess) loaded = cudaGetDeviceProperties(&properties, index);
  if (loaded == cudaSuccess) loaded = cudaFuncGetAttributes(&attributes, nothing);
  if (loaded == cudaSuccess) return {};
  cudaGetLastError();
  const std::string name = "cuda:" + std::to_string(index) + " (" + properties.name + ")";
  if (loaded == cudaErrorNoKernelImageForDevice || loaded == cudaErrorInvalidDeviceFunction) {
    return "this build has no code for " + name + ", compute capability " +
           std::to_string(properties.major) + "." + std::to_string(properties.minor) +
           ": build with CMAKE_CUDA_ARCHITECTURES=" + std::to_string(properties.major) +
           std::to_string(properties.minor);
  }
  return name + " cannot be used: " + cudaGetErrorString(loaded);
}

}  // namespace quantring::cuda
