#pragma once
// A plan: which devices run which parts of the model, in how many rings side by side, and how each
// link is coded.

#include <cstddef>
#include <stdexcept>
#include <vector>

#include "engine/plan/problem.h"
#include "ops/base/error.h"

namespace quantring {

struct PlannedStage {
  std::size_t device = 0;          // in PlanProblem::devices
  std::size_t begin = 0, end = 0;  // parts
  double seconds = 0;              // parts, coding and the rest
  double memory_bytes = 0;
};

struct PlannedLink {
  std::size_t from = 0, to = 0;  // devices; PlanProblem::head() is the head
  std::size_t boundary = 0;
  std::size_t point = 0;  // in PlanBoundary::points
  double seconds = 0;     // that the link is busy
  double latency_s = 0;   // seconds, and half of the round trip
};

// A chain of devices that together hold the model.
struct PlannedRing {
  std::vector<PlannedStage> stages;
  std::vector<PlannedLink> links;  // one more than stages
  double period_s = 0;             // of the slowest stage or link: one micro-batch leaves so often
  double latency_s = 0;            // of a micro-batch that meets no other
  double agreement = 100;          // percent
};

struct PipelinePlan {
  std::vector<PlannedRing> rings;  // fastest first
  double images_per_s = 0;         // of all rings
  double latency_s = 0;            // least of a ring
  // No plan is faster (throughput: images/s) or quicker (latency: seconds) than this. Equal to the
  // plan's own where the search was exact.
  double bound = 0;
  bool optimal = false;
};

// No plan meets the constraints. what() says which and by how much.
class NoPlan : public Error {
 public:
  using Error::Error;
};

// The best plan. Throws Error for an invalid problem, NoPlan.
PipelinePlan make_plan(const PlanProblem& problem);

// Of a ring that is given: devices and cuts as in `ring`, points chosen, or where keep_points, as
// in `ring`. Fills in every number. Throws NoPlan.
PlannedRing evaluate_ring(const PlanProblem& problem, PlannedRing ring, bool keep_points);

}  // namespace quantring
