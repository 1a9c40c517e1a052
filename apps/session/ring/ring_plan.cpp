#include "apps/session/ring/ring_plan.h"

#include <utility>

namespace quantring {

RingPlan plan_ring(RingConfig config, const LinkChoice& links, double link_mbps,
                   const ModelFile& model) {
  RingPlan plan{std::move(config), {}, {}};
  plan.ranges = stage_ranges(plan.config, model.architecture());
  plan.links = choose_links(links, plan.config.links);
  if (link_mbps > 0) plan.config.link_mbps = link_mbps;
  return plan;
}

std::unique_ptr<BatchSession> connect_ring(const RingPlan& plan, const ModelFile& model,
                                           int max_images) {
  net::HeadOptions head;
  head.listen = plan.config.listen;
  head.advertise_host = plan.config.advertise;
  head.link_bits_per_second = static_cast<std::uint64_t>(plan.config.link_mbps * 1e6);
  for (const auto& stage : plan.config.stages) head.stages.push_back({stage.address, ""});
  return make_ring_session(model, head, plan.ranges, plan.links, max_images);
}

}  // namespace quantring
