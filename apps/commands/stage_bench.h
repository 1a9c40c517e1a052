#pragma once
// Measures one stage alone in a process of its own, so that its memory and its start can be read
// off the process.

#include <string>

#include "apps/commands/compute_options.h"
#include "engine/model/architecture.h"

namespace quantring::apps {

struct StageBenchPlan {
  std::string model_path;
  StageRange range;
  int batch = 1;
  ComputeOptions compute;
  int threads = 1;
  double seconds = 3;
};

// A batch goes from bytes of the host to bytes of the host: pixels, logits, and between stages the
// residual stream, as raw32 on the CPU and 8 bits an element on a GPU.
struct StageBench {
  std::string device, precision;  // as options take them
  std::string compute;            // the same for a person: "cuda:0 (NVIDIA H100), f16"
  int depth = 1;                  // batches under way at once
  double alone_s = 0;             // a batch with no other under way
  double batch_s = 0;             // a batch with depth under way; alone_s where depth is 1
  int runs = 0;                   // batches that were measured
  double first_result_s = 0;      // from the start of the process: model, device, choice of kernels
  double weights_mb = 0;          // of the stage's tensors, matrices in the precision
  double activations_mb = 0;      // the one set that was allocated
  double resident_mb = 0;         // of the process, program and libraries included
  double device_mb = 0;           // of a GPU's memory, what CUDA itself takes not included
};

// Forks; call before this process has started a thread or used CUDA. Throws Error.
StageBench bench_stage(const StageBenchPlan& plan);

}  // namespace quantring::apps
