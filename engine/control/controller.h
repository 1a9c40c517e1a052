#pragma once
// Which codec and bit width the next micro-batch is sent in. A deterministic function of its
// inputs: no clock, no socket. One controller per link, at its sender (QuantPipe, Wang et al.,
// ICASSP 2023).

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/control/ladder.h"
#include "ops/base/capacity.h"

namespace quantring {

enum class Policy : std::uint8_t {
  fixed,      // always ControllerOptions::start
  quantpipe,  // QuantPipe's formula, every window: powers of two of one codec's bits
  ladder,     // ours: the most accurate operating point whose actual bytes fit
};

// Also accepts the names of 0.1: paper, ring. Throws Error naming what is accepted.
Policy parse_policy(std::string_view name);
std::string policy_name(Policy policy);

struct ControllerOptions {
  Policy policy = Policy::fixed;
  // What the first micro-batches are sent in. quantpipe: a codec of several widths, and the one
  // that is used at 2..16 bits. ladder: or the finest point of the ladder that is no larger and not
  // below the floor.
  CodecSpec start;
  // images/s, and no more than LinkObservation::needed_rate where that is known; 0: that alone.
  double target_rate = 0;
  double floor = 0;  // ladder: no point with less agreement (ladder.h), percent; 0: any
  int window = 50;   // micro-batches
  Ladder ladder;     // ladder: what it may choose from, finest first, not empty
  // The head's own link; nothing: chosen while the ring runs. No matter of a link's controller.
  std::optional<CodecSpec> pixels;
};

// State of the link when a micro-batch is about to be encoded. Counts are since the session began.
struct LinkObservation {
  double time_s = 0;                // any monotonic clock
  std::uint64_t frames = 0;         // micro-batches that have left
  std::uint64_t images = 0;         // in them
  std::uint64_t payload_bytes = 0;  // of them; policy quantpipe measures the bandwidth with it
  double sending_s = 0;             // in which a frame was being sent
  double credit_wait_s = 0;  // in which a frame was ready and the receiver had no credit left
  Capacity capacity = Capacity::unknown;
  double capacity_bps = 0;  // bits of payload a second; unknown: 0
  // What the head asks of this link (engine/control/ring_target.h).
  double needed_rate = 0;       // images/s; 0: not known yet
  std::optional<double> floor;  // instead of ControllerOptions::floor
  TensorShape next;             // the micro-batch that is about to be encoded
};

// A choice of the operating point, and its reason.
struct Decision {
  std::uint64_t frame = 0;  // number of the first micro-batch that is sent with it
  double time_s = 0;
  CodecSpec from, to;
  double capacity_bps = 0;  // 0: unknown
  double target_rate = 0;   // images/s; 0: none known
  double needed_bps = 0;    // by `to` at the target rate
  bool short_of_target =
      false;          // the target rate cannot be met, at the floor or the coarsest point
  std::string cause;  // one short line of text
};

class LinkPolicy;  // engine/control/link_policy.h

class Controller {
 public:
  explicit Controller(ControllerOptions options);  // throws Error for invalid options
  ~Controller();
  Controller(Controller&&) noexcept;
  Controller& operator=(Controller&&) noexcept;

  // The point for the micro-batch that is about to be encoded; called once for each. Invalid
  // numbers (not finite, not positive) count as unknown.
  CodecSpec choose(const LinkObservation& link);

  CodecSpec current() const { return current_; }
  // Changes, and status-only updates (short of the target, or no longer); oldest first, the latest
  // 64.
  const std::deque<Decision>& decisions() const { return decisions_; }
  std::uint64_t decision_count() const { return decision_count_; }  // dropped ones included

 private:
  std::unique_ptr<LinkPolicy> policy_;  // none: fixed
  CodecSpec current_;
  std::uint64_t frame_ = 0;  // number of the next micro-batch
  std::deque<Decision> decisions_;
  std::uint64_t decision_count_ = 0;
};

}  // namespace quantring
