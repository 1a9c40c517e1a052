#pragma once
// One GPU's stream of ops, with the device properties that kernels choose their shapes by.

#include <cuda_runtime_api.h>

#include <cstddef>

namespace quantring::cuda {

struct Queue {
  cudaStream_t stream = nullptr;
  int device = 0;
  int multiprocessors = 1;
  int compute_capability = 0;      // 87, 90
  int shared_bytes_per_block = 0;  // maximum per block (opt-in)
  std::size_t l2_bytes = 0;
};

}  // namespace quantring::cuda
