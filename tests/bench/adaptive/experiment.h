#pragma once
// The paper's experiment (QuantPipe, Wang et al., ICASSP 2023): a stream of pictures through two
// stages while the link between them is shaped. Its phases, and how its rates are scaled to what
// this machine computes.

#include <cstdint>
#include <string>
#include <vector>

#include "apps/session/ring/link_choice.h"

namespace quantring::bench {

struct Phase {
  int first, end;     // micro-batches, the end not among them
  double paper_mbps;  // of the link in the paper; 0: free
};

// The paper's: 950 micro-batches. quick: a tenth of it, to see that it works.
std::vector<Phase> paper_phases(bool quick);

// At 500 Mbit/s the paper's ViT-Base in float32 (197 x 768 values an image) passes 103.2 images/s,
// and its target was 100. A link of ours is as fast against our need.
double scaled_bps(double paper_mbps, double rate, std::uint64_t values_per_image);
// The same as a fraction of what float32 needs at the target rate.
double fraction_of_need(double paper_mbps);

inline constexpr int micro_batch = 16;  // images

struct PolicyChoice {
  std::string name;   // "fixed-32"
  LinkChoice choice;  // but the target rate
  // With the ladder and the tables of the model's codec file (`quantring calibrate`).
  bool calibrated = false;
};
const std::vector<PolicyChoice>& policies();
const PolicyChoice& policy_named(const std::string& name);  // throws Error

}  // namespace quantring::bench
