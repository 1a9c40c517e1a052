#pragma once
// Failed CUDA calls throw quantring::Error with the call and CUDA's message.

#include <cuda_runtime_api.h>

#include <string>

#include "ops/base/error.h"

namespace quantring::cuda {

[[noreturn]] inline void fail(cudaError_t error, const char* what) {
  throw Error(std::string("CUDA: ") + what + " failed: " + cudaGetErrorString(error) + " (" +
              cudaGetErrorName(error) + ")");
}

// what: the function or the activity: "cudaMemcpyAsync", "the attention kernel".
inline void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) fail(error, what);
}

}  // namespace quantring::cuda
