#pragma once
// Shared by the test and the bench of the mma engine.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdio>
#include <string>
#include <vector>

#include "ops/cuda/device/error.h"
#include "ops/cuda/matmul/matmul.h"
#include "ops/cuda/mma/mma_product.h"

namespace quantring::test {

using cuda::check;

inline bool gpu_present() {
  int count = 0;
  const bool present = cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
  if (!present) std::puts("SKIPPED: no GPU");
  return present;
}

inline cuda::Queue make_queue() {
  cuda::Queue queue;
  int major = 0, minor = 0, l2 = 0;
  const auto ask = [](int& value, cudaDeviceAttr what) {
    check(cudaDeviceGetAttribute(&value, what, 0), "cudaDeviceGetAttribute");
  };
  ask(major, cudaDevAttrComputeCapabilityMajor);
  ask(minor, cudaDevAttrComputeCapabilityMinor);
  ask(queue.multiprocessors, cudaDevAttrMultiProcessorCount);
  ask(queue.shared_bytes_per_block, cudaDevAttrMaxSharedMemoryPerBlockOptin);
  ask(l2, cudaDevAttrL2CacheSize);
  queue.l2_bytes = static_cast<std::size_t>(l2);
  queue.compute_capability = 10 * major + minor;
  check(cudaStreamCreateWithFlags(&queue.stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return queue;
}

// The names of all configurations; an engine refuses those that do not fit a call.
inline std::vector<std::string> mma_configurations() {
  std::vector<std::string> names;
  for (int shape = 0; shape < cuda::mma::shape_count; ++shape) {
    names.push_back(cuda::mma::configuration_name(shape, 1, 1));
    for (int parts = 2; parts <= cuda::mma::max_parts; ++parts) {
      names.push_back(cuda::mma::configuration_name(shape, parts, 1));
      names.push_back(cuda::mma::configuration_name(shape, parts, parts));
    }
  }
  return names;
}

// f32 values in a tensor's dtype, and back.
inline std::vector<std::byte> packed(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * dtype_bytes(dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::f16) {
      reinterpret_cast<__half*>(bytes.data())[i] = __float2half_rn(values[i]);
    } else if (dtype == DType::bf16) {
      reinterpret_cast<__nv_bfloat16*>(bytes.data())[i] = __float2bfloat16_rn(values[i]);
    } else {
      reinterpret_cast<float*>(bytes.data())[i] = values[i];
    }
  }
  return bytes;
}
inline std::vector<float> unpacked(const std::byte* bytes, std::size_t count, DType dtype) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (dtype == DType::f16) {
      values[i] = __half2float(reinterpret_cast<const __half*>(bytes)[i]);
    } else if (dtype == DType::bf16) {
      values[i] = __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(bytes)[i]);
    } else {
      values[i] = reinterpret_cast<const float*>(bytes)[i];
    }
  }
  return values;
}
inline std::vector<float> rounded(const std::vector<float>& values, DType dtype) {
  return unpacked(packed(values, dtype).data(), values.size(), dtype);
}

template <class T>
cuda::DeviceMemory<T> on_device(const void* data, std::size_t count) {
  cuda::DeviceMemory<T> memory(count);
  check(cudaMemcpy(memory.get(), data, count * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  // Our streams do not wait for this copy.
  check(cudaDeviceSynchronize(), "cudaMemcpy");
  return memory;
}

}  // namespace quantring::test
