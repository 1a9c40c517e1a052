#pragma once
// The fastest of the ways to compute a matrix product.

#include <map>
#include <string>
#include <vector>

#include "ops/cuda/matmul.h"

namespace quantring::cuda {

// One way to compute a call.
struct MatmulWay {
  MatmulEngine* engine = nullptr;
  std::string candidate;
  // Of norm_linear: the layernorm first, by a kernel of its own. Of a product that shall leave sums
  // for a norm: it does not, so the norm behind it will be such a kernel.
  bool norm_apart = false;
};

inline bool wants_sums(const MatmulCall& call) {
  return call.accumulate && call.sums != nullptr;
}

// The product that is left when the layernorm has been computed into call.normed.
MatmulCall without_norm(const MatmulCall& call);

void enqueue(const Queue& queue, const MatmulCall& call, const MatmulWay& way);

struct Contest {
  std::size_t winner = 0;                // of the ways
  double microseconds = 0;               // its time
  std::map<std::string, double> others;  // microseconds of each other engine's best, "wgmma+norm"
                                         // where it computes the norm apart
  std::map<std::string, int> wrong;      // ways of an engine that computed something else
};

// Measures, and waits for the device. A product that leaves no sums where they are wanted is timed
// with the norm that it makes necessary. Ways that fail or compute something else do not count;
// throws Error if none is left. Without memory to measure in the first one wins.
Contest hold_contest(const Queue& queue, const MatmulCall& call,
                     const std::vector<MatmulWay>& ways);

}  // namespace quantring::cuda
