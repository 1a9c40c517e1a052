#include "apps/session/node/adaptive_output.h"

#include <algorithm>

#include "apps/session/ring/watch/link_targets.h"
#include "engine/control/link_policy.h"

namespace quantring {

LinkObservation link_observation(const net::LinkStats& link, const std::optional<LinkTarget>& asked,
                                 double time_s, const TensorShape& next) {
  LinkObservation seen;
  seen.time_s = time_s;
  seen.frames = link.frames;
  seen.images = link.images;
  seen.payload_bytes = link.payload_bytes;
  seen.sending_s = link.sending_s;
  seen.credit_wait_s = link.credit_wait_s;
  seen.capacity = link.capacity;
  seen.capacity_bps = link.capacity_bps;
  if (asked) {
    seen.needed_rate = asked->rate;
    seen.floor = asked->floor;
  }
  seen.next = next;
  return seen;
}

AdaptiveOutput::AdaptiveOutput(const ControllerOptions& options, int stage, std::uint32_t tokens,
                               std::uint32_t dim, Log log)
    : options_(options),
      controller_(options),
      stage_(stage),
      tokens_(tokens),
      dim_(dim),
      log_(std::move(log)),
      start_(std::chrono::steady_clock::now()) {}

void AdaptiveOutput::instructed(const std::string& json) {
  if (const auto asked = link_target_from_json(json, stage_)) asked_ = asked;
}

LinkObservation AdaptiveOutput::observation(std::uint32_t images) const {
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_;
  return link_observation(link_, asked_, time.count(), {images, tokens_, dim_});
}

CodecSpec AdaptiveOutput::choose(std::uint32_t images) {
  const CodecSpec codec = controller_.choose(observation(images));
  const auto& decisions = controller_.decisions();
  const auto fresh =
      std::min<std::uint64_t>(controller_.decision_count() - logged_, decisions.size());
  for (auto i = decisions.size() - fresh; log_ && i < decisions.size(); ++i) {
    log_(decision_text(decisions[i]));
  }
  logged_ = controller_.decision_count();
  return codec;
}

OutputState AdaptiveOutput::state() const {
  OutputState state;
  state.policy = options_.policy;
  state.point = controller_.current();
  state.capacity_bps = link_.capacity_bps;
  state.capacity_filled = link_.capacity == Capacity::measured;
  state.target_rate = target_rate(options_, observation(1));
  state.decision_count = controller_.decision_count();
  state.decisions.assign(controller_.decisions().begin(), controller_.decisions().end());
  return state;
}

}  // namespace quantring
