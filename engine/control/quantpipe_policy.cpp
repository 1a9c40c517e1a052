// QuantPipe's controller: every window the bits that the measured bandwidth allows, in powers of
// two. As in its reference code, 32 is raw32 and every other width, 16 too, is the codec's.
#include <fmt/format.h>

#include "engine/control/decision_text.h"
#include "engine/control/link_policy.h"

namespace quantring {
namespace {

// q' = 32 / 2^ceil(log2(ratio)) within 2..32, where the ratio is the time that a micro-batch needs
// at 32 bits over the time available. Without a logarithm, so exact at powers of two.
int bits_for(double ratio) {
  int bits = 32;
  for (double reached = 1; reached < ratio && bits > 2; reached *= 2) bits /= 2;
  return bits;
}

class QuantPipePolicy final : public LinkPolicy {
 public:
  explicit QuantPipePolicy(const ControllerOptions& options)
      : options_(options), current_(options.start) {}

  CodecSpec start() const override { return current_; }

  std::optional<Decision> decide(const LinkObservation& link, std::uint64_t frame) override {
    const auto window = static_cast<std::uint64_t>(options_.window);
    if (frame % window != 0) return std::nullopt;
    const double bandwidth = bandwidth_of(link);
    window_start_ = link;
    const double rate = target_rate(options_, link);
    if (frame == 0 || bandwidth <= 0 || rate <= 0) return std::nullopt;

    const double volume = expected_bits(current_, link.next);
    const double seconds = link.next.images / rate;
    const int bits = bits_for(volume * 32 / current_.bits / (seconds * bandwidth));
    const CodecSpec to = bits == 32 ? CodecSpec{CodecId::raw32, 32}
                                    : CodecSpec{options_.start.id, static_cast<std::uint8_t>(bits)};
    if (to == current_) return std::nullopt;

    Decision decision;
    decision.from = current_;
    decision.to = to;
    decision.capacity_bps = bandwidth;
    decision.target_rate = rate;
    decision.needed_bps = bits_per_image(to, link.next) * rate;
    decision.short_of_target = decision.needed_bps > bandwidth;
    decision.cause = fmt::format("{} Mbit/s in this window, {} images/s need {} at 32 bits",
                                 mbits_text(bandwidth), three_digits(rate),
                                 mbits_text(volume * 32 / current_.bits / seconds));
    current_ = to;
    return decision;
  }

 private:
  // The measured capacity; without one, as in the paper, the window's bits over the time spent
  // sending them. That excludes waiting for credit, but small frames fit into the kernel's buffer
  // and look too fast.
  double bandwidth_of(const LinkObservation& link) const {
    if (link.capacity == Capacity::measured) return link.capacity_bps;
    const double seconds = link.sending_s - window_start_.sending_s;
    if (link.payload_bytes <= window_start_.payload_bytes || seconds <= 0) return 0;
    return 8 * static_cast<double>(link.payload_bytes - window_start_.payload_bytes) / seconds;
  }

  ControllerOptions options_;
  CodecSpec current_;
  LinkObservation window_start_;
};

}  // namespace

std::unique_ptr<LinkPolicy> make_quantpipe_policy(const ControllerOptions& options) {
  return std::make_unique<QuantPipePolicy>(options);
}

}  // namespace quantring
