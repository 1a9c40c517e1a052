#pragma once
// Measures one stage in a process of its own, so that its memory and start time can be read from
// that process.

#include <functional>
#include <string>

#include "engine/model/architecture.h"
#include "ops/context.h"

namespace quantring {

struct StageBenchPlan {
  std::string model_path;
  StageRange range;
  int batch = 1;
  std::function<ContextOptions()> compute;  // called in the child: only it may use a GPU
  double seconds = 3;
};

// A batch goes from host bytes to host bytes: pixels, logits, and between stages the residual
// stream, as raw32 on the CPU and as ptq 8 on a GPU.
struct StageBench {
  ContextOptions compute;
  int depth = 1;              // batches in flight at once
  double alone_s = 0;         // time of a batch with no other in flight
  double batch_s = 0;         // time per batch with `depth` in flight; alone_s where depth is 1
  int runs = 0;               // batches measured
  double first_result_s = 0;  // from the start of the process: load, open the device, autotune
  double weights_mb = 0;      // of the stage's tensors, matrices in the precision
  double activations_mb = 0;
  double resident_mb = 0;  // of the process, program and libraries included
  double device_mb = 0;    // of GPU memory, without what CUDA itself takes
};

// Forks: call before this process has started a thread or used CUDA. Throws Error.
StageBench bench_stage(const StageBenchPlan& plan);

}  // namespace quantring
