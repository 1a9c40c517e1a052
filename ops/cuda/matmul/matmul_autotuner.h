#pragma once
// The fastest of the ways to compute a matrix product.

#include <map>
#include <string>
#include <vector>

#include "ops/cuda/matmul/matmul.h"

namespace quantring::cuda {

// One way to compute a call.
struct MatmulWay {
  MatmulEngine* engine = nullptr;
  std::string candidate;
  bool without_sums = false;  // whatever the call gives or wants
};

// What an engine is asked to compute: where a norm's sums are not known, the product that is left
// when a kernel of its own has computed the norm into call.normed.
MatmulCall product_of(const MatmulCall& call);

void enqueue(const Queue& queue, const MatmulCall& call, const MatmulWay& way);

struct Contest {
  std::size_t winner = 0;   // of the ways, but for those without sums
  double microseconds = 0;  // its time
  double without_sums = 0;  // the time of one of those, measured in turn with the winner; 0: none
  std::map<std::string, double> others;  // microseconds of each other engine's best
  std::map<std::string, int> wrong;      // ways of an engine that computed something else
};

// Measures, and waits for the device. Ways that fail or compute something else do not count;
// throws Error if none is left. Without memory to measure in the first one wins.
Contest hold_contest(const Queue& queue, const MatmulCall& call,
                     const std::vector<MatmulWay>& ways);

}  // namespace quantring::cuda
