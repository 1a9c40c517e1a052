#pragma once
// Measures one stage alone in a process of its own, so that its memory can be read off the process.

#include <string>
#include <vector>

#include "engine/architecture.h"

namespace quantring::apps {

struct StageBench {
  double median_s = 0;  // of a batch
  std::size_t runs = 0;
  double weights_mb = 0;      // of the stage's tensors as f32, what the forward pass uses
  double activations_mb = 0;  // the one set that was allocated
  double resident_mb = 0;     // of the process, program and libraries included
};

// Forks; call before this process has started a thread. Throws Error when the child fails.
StageBench bench_stage(const std::string& model_path, StageRange range, int batch, int threads,
                       double seconds);

}  // namespace quantring::apps
