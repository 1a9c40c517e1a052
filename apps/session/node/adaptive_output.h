#pragma once
// Feeds net's measurements of a stage's output link to the engine's controller, which chooses the
// codec of the next micro-batch.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "apps/session/ring/worker_stats.h"
#include "engine/control/controller.h"
#include "net/wire/stats.h"

namespace quantring {

// The head's instruction to every stage where the target rate is automatic: the slowest stage's
// compute rate in images/s. net::RingHead::instruct sends it.
std::string compute_rate_instruction(double images_per_s);

class AdaptiveOutput {
 public:
  using Log = std::function<void(const std::string& line)>;

  // tokens, dim: of the residual stream. log: gets each decision as a line; may be empty.
  AdaptiveOutput(const ControllerOptions& options, std::uint32_t tokens, std::uint32_t dim,
                 Log log);

  void instructed(const std::string& json);  // throws Error for an invalid instruction
  void observe(const net::LinkStats& link) { link_ = link; }
  CodecSpec choose(std::uint32_t images);  // for the next micro-batch; once for each

  OutputState state() const;

 private:
  LinkObservation observation(std::uint32_t images) const;

  ControllerOptions options_;
  Controller controller_;
  std::uint32_t tokens_, dim_;
  Log log_;
  std::chrono::steady_clock::time_point start_;
  net::LinkStats link_;
  double compute_rate_ = 0;
  std::uint64_t logged_ = 0;  // decisions
};

}  // namespace quantring
