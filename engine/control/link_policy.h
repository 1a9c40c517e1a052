#pragma once
// Interface of the policies behind Controller, which validates options and observations.

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/control/controller.h"

namespace quantring {

class LinkPolicy {
 public:
  virtual ~LinkPolicy() = default;

  virtual CodecSpec start() const = 0;
  // `frame` counts the calls: 0, 1, 2 ... Returns a decision, without frame and time, when the
  // point or the status changes.
  virtual std::optional<Decision> decide(const LinkObservation& link, std::uint64_t frame) = 0;
};

std::unique_ptr<LinkPolicy> make_quantpipe_policy(const ControllerOptions& options);
std::unique_ptr<LinkPolicy> make_ladder_policy(const ControllerOptions& options);

// Expected bits sent per image, including its share of the frame's header.
double bits_per_image(CodecSpec codec, TensorShape shape);

// The target rate in images/s; 0: unknown.
double target_rate(const ControllerOptions& options, const LinkObservation& link);

}  // namespace quantring
