#pragma once
// What the tests of the controller share: a ladder, options, and observations written by hand.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "engine/control/controller.h"
#include "tests/support/texts.h"

namespace quantring {

using quantring::test::contains;

inline CodecSpec spec(CodecId id, int bits) {
  return {id, static_cast<std::uint8_t>(bits)};
}

inline const CodecSpec raw32 = spec(CodecId::raw32, 32);
inline const CodecSpec raw16 = spec(CodecId::raw16, 16);

inline CodecSpec ptq(int bits) {
  return spec(CodecId::ptq, bits);
}

inline CodecSpec ds_aciq(int bits) {
  return spec(CodecId::ds_aciq, bits);
}

// Agreements like DeiT-Tiny's; only their order matters here.
inline Ladder test_ladder() {
  return {{raw32, 100},   {raw16, 99.9},  {ptq(8), 99.2},   {ptq(7), 98.1},    {ptq(6), 96.4},
          {ptq(5), 91.0}, {ptq(4), 81.4}, {ds_aciq(3), 65}, {ds_aciq(2), 50.7}};
}

// ViT-Base in the paper's experiment: 151296 values an image.
inline constexpr TensorShape vit_base{.images = 64, .tokens = 197, .dim = 768};

inline ControllerOptions ring_options(double target_rate = 100) {
  ControllerOptions options;
  options.policy = Policy::ladder;
  options.start = raw32;
  options.target_rate = target_rate;
  options.ladder = test_ladder();
  return options;
}

// bits/s that a point needs: worked out here by hand, from bytes.
inline double need_bps(CodecSpec codec, TensorShape shape, double rate) {
  const double payload = codec == raw32   ? 4 + 4.0 * static_cast<double>(shape.elements())
                         : codec == raw16 ? 4 + 2.0 * static_cast<double>(shape.elements())
                                          : expected_bits(codec, shape) / 8;
  return (payload + 56) * 8 / shape.images * rate;
}

// A link as a stage sees it that is always a micro-batch ahead: every call one more has left.
class ByHand {
 public:
  explicit ByHand(ControllerOptions options) : controller_(std::move(options)) {
    seen_.next = vit_base;
  }

  // One micro-batch: the measurement before it.
  CodecSpec measured(double mbits) { return next(Capacity::measured, mbits); }
  CodecSpec at_least(double mbits) { return next(Capacity::at_least, mbits); }
  CodecSpec unknown() { return next(Capacity::unknown, 0); }

  LinkObservation& seen() { return seen_; }
  const Controller& controller() const { return controller_; }
  CodecSpec current() const { return controller_.current(); }

  double frame_s = 0.64;      // between two micro-batches
  double sends_at_mbits = 0;  // speed at which frames cross; 0: the measured one, if any

 private:
  CodecSpec next(Capacity kind, double mbits) {
    seen_.capacity = kind;
    seen_.capacity_bps = mbits * 1e6;
    const CodecSpec codec = controller_.choose(seen_);
    ++seen_.frames;
    seen_.images += seen_.next.images;
    seen_.payload_bytes += max_bytes(codec, seen_.next);
    const double bits = expected_bits(codec, seen_.next);
    const double speed = 1e6 * (sends_at_mbits > 0 ? sends_at_mbits : mbits);
    const double sending = kind == Capacity::at_least && sends_at_mbits == 0 ? 0.1 * frame_s
                           : speed > 0                                       ? bits / speed
                                                                             : 0;
    seen_.time_s += std::max(frame_s, sending);
    seen_.sending_s += sending;
    return codec;
  }

  Controller controller_;
  LinkObservation seen_;
};

inline const Decision& last(const ByHand& link) {
  return link.controller().decisions().at(link.controller().decisions().size() - 1);
}

inline void settle(ByHand& link, double mbits) {
  for (int i = 0; i < 300; ++i) link.measured(mbits);
}

}  // namespace quantring
