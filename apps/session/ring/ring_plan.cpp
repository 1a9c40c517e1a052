#include "apps/session/ring/ring_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apps/session/ring/link_plan.h"
#include "engine/control/ring_target.h"
#include "ops/base/error.h"

namespace quantring {

namespace {

// Each link alone reaches the floor at its finest point; all together they may not.
void check_floor(const ControllerOptions& links, bool asked, std::size_t coded) {
  if (links.policy != Policy::ladder || !asked || coded == 0) return;
  const CodecSpec finest = links.ladder.front().codec;
  const double best = ring_agreement(std::vector<CodecSpec>(coded, finest), links.ladder);
  if (best >= links.floor) return;
  throw OptionError(
      fmt::format("the accuracy floor of {} % is out of reach: {} links at {}, the finest of the "
                  "ladder, are estimated at {:.1f} % together",
                  links.floor, coded, codec_text(finest), best));
}

}  // namespace

RingPlan plan_ring(RingConfig config, const LinkChoice& links, double link_mbps,
                   const ModelFile& model) {
  RingPlan plan;
  plan.config = std::move(config);
  plan.ranges = stage_ranges(plan.config, model.architecture());
  LinkPlan chosen = plan_links(links, plan.config.links, model, plan.ranges);
  plan.links = std::move(chosen.links);
  plan.codec_hash = std::move(chosen.codec_hash);
  plan.notice = std::move(chosen.notice);
  check_floor(plan.links, links.floor || plan.config.links.floor, plan.ranges.size() - 1);
  if (link_mbps > 0) plan.config.link_mbps = link_mbps;
  return plan;
}

std::unique_ptr<BatchSession> connect_ring(const RingPlan& plan, const ModelFile& model,
                                           int max_images,
                                           std::function<void(const std::string&)> waits) {
  net::HeadOptions head;
  head.listen = plan.config.listen;
  head.advertise_host = plan.config.advertise;
  head.link_bits_per_second = static_cast<std::uint64_t>(plan.config.link_mbps * 1e6);
  for (const auto& stage : plan.config.stages) head.stages.push_back({stage.address, ""});
  head.waits = std::move(waits);
  return make_ring_session(model, head, plan.ranges, plan.links, max_images, plan.codec_hash);
}

}  // namespace quantring
