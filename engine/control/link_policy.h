#pragma once
// How a policy stands behind the Controller, which has checked the options and what is observed.

#include <cstdint>
#include <memory>
#include <optional>

#include "engine/control/controller.h"

namespace quantring {

class LinkPolicy {
 public:
  virtual ~LinkPolicy() = default;

  virtual CodecSpec start() const = 0;
  // `frame` counts the calls: 0, 1, 2 ... Answers when the point changes or there is news; all of
  // the decision but its frame and time.
  virtual std::optional<Decision> judge(const LinkObservation& link, std::uint64_t frame) = 0;
};

std::unique_ptr<LinkPolicy> make_quantpipe_policy(const ControllerOptions& options);
std::unique_ptr<LinkPolicy> make_ladder_policy(const ControllerOptions& options);

// What is sent for one image in bits, its share of the frame's header too.
double bits_per_image(CodecSpec codec, TensorShape shape);

// The target rate of a session in images/s; 0: none known.
double target_rate(const ControllerOptions& options, const LinkObservation& link);

}  // namespace quantring
