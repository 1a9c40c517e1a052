#pragma once
// ops/graph.h on a GPU: a CUDA graph, captured from the ops' stream.

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>

#include "ops/backend.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

// First call: runs body once directly, so that kernels are chosen and loaded, then captures it.
// Later calls replay the graph.
void run_recorded(const Queue& queue, std::unique_ptr<RecordedGraph>& recorded,
                  const std::function<void()>& body);

}  // namespace quantring::cuda
