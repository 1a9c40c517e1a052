#pragma once
// Where a process computes, and in what precision: from option values to the engine's.

#include <string>

#include "ops/context.h"

namespace quantring {

struct ComputeChoice {
  ContextOptions options;
  std::string note;  // one line of text, or empty: why auto did not take a GPU
};

// device: auto, cpu, cuda, cuda:N. precision: auto, f32, f16, bf16. threads: of the CPU, at least
// 1; a GPU needs no others. Throws Error for what this machine cannot do.
ComputeChoice choose_compute(const std::string& device, const std::string& precision, int threads);

// Throws Error that says what is accepted, without the text itself.
Precision parse_precision(const std::string& text, Device device);

int hardware_threads();  // of this machine, at least 1

std::string compute_text(const ContextOptions& compute);  // "cuda:0 (NVIDIA H100), f16"

}  // namespace quantring
