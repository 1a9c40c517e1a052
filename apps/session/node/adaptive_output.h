#pragma once
// Feeds net's measurements of a stage's output link to the engine's controller, which chooses the
// codec of the next micro-batch.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "apps/session/ring/watch/worker_stats.h"
#include "engine/control/controller.h"
#include "engine/control/ring_target.h"
#include "net/wire/stats.h"

namespace quantring {

// The controller's input from the counters of its link. asked: by the head; next:
// the tensor to be coded.
LinkObservation link_observation(const net::LinkStats& link, const std::optional<LinkTarget>& asked,
                                 double time_s, const TensorShape& next);

class AdaptiveOutput {
 public:
  using Log = std::function<void(const std::string& line)>;

  // stage: the sender's. tokens, dim: of the residual stream. log: gets each decision as a line;
  // may be empty.
  AdaptiveOutput(const ControllerOptions& options, int stage, std::uint32_t tokens,
                 std::uint32_t dim, Log log);

  // apps/session/ring/watch/link_targets.h. Throws Error for an invalid instruction.
  void instructed(const std::string& json);
  void observe(const net::LinkStats& link) { link_ = link; }
  CodecSpec choose(std::uint32_t images);  // for the next micro-batch; once for each

  OutputState state() const;

 private:
  LinkObservation observation(std::uint32_t images) const;

  ControllerOptions options_;
  Controller controller_;
  int stage_;
  std::uint32_t tokens_, dim_;
  Log log_;
  std::chrono::steady_clock::time_point start_;
  net::LinkStats link_;
  std::optional<LinkTarget> asked_;
  std::uint64_t logged_ = 0;  // decisions
};

}  // namespace quantring
