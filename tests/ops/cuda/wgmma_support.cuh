#pragma once
// Shared by the test and the bench of the wgmma engine: a GPU of compute capability 9.0, random
// layers and activations generated on the device.

#include "ops/cuda/number.h"
#include "tests/ops/cuda/mma_support.h"

namespace quantring::test {

// The engine; null, with a message that the test is skipped, if there is no such GPU.
inline std::unique_ptr<cuda::MatmulEngine> wgmma_engine(cuda::Queue& queue) {
  if (!gpu_present()) return nullptr;
  queue = make_queue();
  auto engine = cuda::make_wgmma_engine(queue);
  if (engine == nullptr) std::puts("SKIPPED: no GPU of compute capability 9.0");
  return engine;
}

// Number i of a sequence: nearly normal, of variance 1. By hashing (C. Wellons, "hash-prospector").
__device__ inline float random_number(unsigned i, unsigned seed) {
  float sum = 0;
  for (unsigned k = 0; k < 4; ++k) {
    unsigned x = i * 4 + k + seed * 0x9E3779B9u;
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = (x ^ x >> 15) * 0x846CA68Bu;
    sum += static_cast<float>(x ^ x >> 16) * 0x1p-32f;
  }
  return (sum - 2) * 1.7320508f;
}

template <class T>
__global__ void fill_random(T* values, std::size_t count, float scale, unsigned seed) {
  for (std::size_t i = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x; i < count;
       i += std::size_t{gridDim.x} * blockDim.x) {
    values[i] = cuda::from_float<T>(scale * random_number(static_cast<unsigned>(i), seed));
  }
}

inline cuda::DeviceMemory<> random_tensor(std::int64_t count, DType dtype, float scale,
                                          unsigned seed) {
  cuda::DeviceMemory<> memory(static_cast<std::size_t>(count) * dtype_bytes(dtype));
  cuda::with_type(dtype, [&](auto type) {
    using T = decltype(type);
    fill_random<<<1024, 256>>>(reinterpret_cast<T*>(memory.get()), static_cast<std::size_t>(count),
                               scale, seed);
  });
  check(cudaDeviceSynchronize(), "fill_random");
  return memory;
}

inline cuda::DeviceLinear random_layer(std::int64_t in, std::int64_t out, DType dtype, bool bias,
                                       float alpha, unsigned seed) {
  cuda::DeviceLinear layer;
  layer.in = in;
  layer.out = out;
  layer.dtype = dtype;
  layer.alpha = alpha;
  layer.weights =
      random_tensor(in * out, dtype, 1 / (alpha * std::sqrt(static_cast<float>(in))), seed);
  if (bias) {
    layer.bias = cuda::DeviceMemory<float>(static_cast<std::size_t>(out));
    fill_random<<<64, 256>>>(layer.bias.get(), static_cast<std::size_t>(out), 0.5f, seed + 1);
    check(cudaDeviceSynchronize(), "fill_random");
  }
  return layer;
}

}  // namespace quantring::test
