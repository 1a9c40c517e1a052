#include "apps/camera/live_limit.h"

#include <fmt/format.h>

#include <charconv>

namespace quantring::apps {
namespace {

// A source of whose frames so many are classified is not held up: short hold-ups are none.
constexpr double kept_up = 0.9;
// A part with more rest than this holds up nothing.
constexpr double min_busy = 0.6;

struct Part {
  double busy = 0;
  std::string text;
};

void consider(Part& busiest, double busy, const std::string& text) {
  if (busy > busiest.busy) busiest = {busy, text};
}

Part busiest_part(const LiveStatus& status) {
  Part busiest;
  for (const LiveLink& link : status.links) {
    const bool measured = link.capacity_kind == net::Capacity::measured && link.capacity_mbps > 0;
    consider(busiest, link.busy,
             fmt::format("Link {} limits the ring: it sends {:.0f} % of the time, {:.3g} Mbit/s{}.",
                         link.name, 100 * link.busy, link.mbps,
                         measured ? fmt::format(" of {:.3g}", link.capacity_mbps) : ""));
  }
  for (const LiveStage& stage : status.stages) {
    consider(busiest, stage.busy,
             fmt::format("Stage {} ({}) limits the ring: it computes {:.0f} % of the time.",
                         stage.stage, stage.address, 100 * stage.busy));
  }
  return busiest;
}

}  // namespace

std::string limit_sentence(const LiveStatus& status, bool live) {
  for (const LiveStage& stage : status.stages) {
    if (stage.lost)
      return fmt::format("Nothing is classified: stage {} ({}) is lost.", stage.stage,
                         stage.address);
  }
  if (!status.feed.error.empty()) return "Nothing is classified: the source delivers no frames.";
  if (!status.healthy) return "Nothing is classified: the ring is lost.";
  if (status.images_per_s <= 0) return "Nothing is classified yet.";
  const Part part = busiest_part(status);
  const bool keeps_up = status.images_per_s >= kept_up * status.feed.frames_per_s;
  if (live && keeps_up)
    return fmt::format(
        "The source limits the rate: its {:.3g} frames/s are classified as they arrive.",
        status.feed.frames_per_s);
  if (status.stages.empty())
    return live ? fmt::format(
                      "This process limits the rate: it classifies {:.3g} of {:.3g} "
                      "frames/s.",
                      status.images_per_s, status.feed.frames_per_s)
                : "This process limits the rate: it reads and classifies files as fast as it can.";
  if (part.busy >= min_busy) return part.text;
  return fmt::format(
      "No part of the ring is busy for more than {:.0f} % of the time: the way of a picture "
      "through all of them limits the rate.",
      100 * part.busy);
}

int lost_stage(const std::string& ring_error) {
  // A stage reports the loss of the next one: the last name is the lost one's. The remedy behind
  // the first ';' may name the stage that reports.
  constexpr std::string_view word = "stage ";
  for (std::size_t at = ring_error.rfind(word, ring_error.find(';'));
       at != std::string::npos && at < ring_error.size();
       at = at == 0 ? std::string::npos : ring_error.rfind(word, at - 1)) {
    int stage = -1;
    const char* const end = ring_error.data() + ring_error.size();
    const auto [stop, error] = std::from_chars(ring_error.data() + at + word.size(), end, stage);
    const std::string_view behind(stop, static_cast<std::size_t>(end - stop));
    if (error == std::errc() && behind.starts_with(" (")) return stage;
  }
  return -1;
}

}  // namespace quantring::apps
