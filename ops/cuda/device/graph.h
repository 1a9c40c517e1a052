#pragma once
// A recorded program: a CUDA graph, captured from the ops' stream.

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>

#include "ops/backend.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

// First call: body runs as it is, so that kernels are chosen and loaded, and then is recorded.
// Later calls replay the recording.
void run_recorded(const Queue& queue, std::unique_ptr<RecordedGraph>& recorded,
                  const std::function<void()>& body);

}  // namespace quantring::cuda
