#pragma once
// Chooses the fastest candidate for a matrix product by measuring all of them.

#include <map>
#include <string>
#include <vector>

#include "ops/cuda/matmul/matmul.h"

namespace quantring::cuda {

// An engine with one of its configurations.
struct MatmulCandidate {
  MatmulEngine* engine = nullptr;
  std::string name;           // one of engine->candidates()
  bool without_sums = false;  // runs the call without its row sums
};

// What an engine is asked to compute: a norm whose row sums are not known is a kernel of its own,
// which writes call.normed, and the engine gets the remaining product.
MatmulCall product_of(const MatmulCall& call);

void enqueue(const Queue& queue, const MatmulCall& call, const MatmulCandidate& candidate);

struct TuningResult {
  std::size_t best = 0;     // index among the candidates with sums
  double microseconds = 0;  // its time
  double without_sums = 0;  // the time of the candidate without sums, measured in turn; 0: none
  std::map<std::string, double> others;  // best time of each other engine, microseconds
  std::map<std::string, int> wrong;      // candidates of an engine with wrong results
};

// Measures, and waits for the device. Candidates that fail or give wrong results do not count;
// throws Error if none is left. Without memory to measure in, the first one is the result.
TuningResult autotune(const Queue& queue, const MatmulCall& call,
                      const std::vector<MatmulCandidate>& candidates);

}  // namespace quantring::cuda
