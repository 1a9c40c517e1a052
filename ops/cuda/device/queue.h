#pragma once
// One GPU's queue of work, with the facts of the device that kernels choose their shapes by.

#include <cuda_runtime_api.h>

#include <cstddef>

namespace quantring::cuda {

struct Queue {
  cudaStream_t stream = nullptr;
  int device = 0;
  int multiprocessors = 1;
  int compute_capability = 0;      // 87, 90
  int shared_bytes_per_block = 0;  // the most that a block can ask for (with an attribute set)
  std::size_t l2_bytes = 0;
};

}  // namespace quantring::cuda
