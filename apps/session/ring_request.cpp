#include "apps/session/ring_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "ops/base/error.h"

namespace quantring::apps {

int shared_threads(int processes) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, cores / std::max(1, processes));
}

RingConfig read_config(const RingRequest& request) {
  return request.file.empty() ? RingConfig{} : read_ring_config(request.file);
}

std::string model_path(const std::string& flag, const RingConfig& config) {
  const std::string path = flag.empty() ? config.model : flag;
  if (path.empty()) {
    throw Error("no model: say --model FILE, or model = \"FILE\" in the ring file");
  }
  return path;
}

void require_whole(const ModelFile& model, const RingRequest& request) {
  if (!request.file.empty() || model.whole()) return;
  throw Error(fmt::format(
      "'{}' holds only {} of {}: give the whole model file, or --ring FILE with nodes that hold "
      "the rest",
      model.path(), range_text(model.part()), model.architecture().depth));
}

RingPlan plan_ring(const RingRequest& request, RingConfig config, const ModelFile& model) {
  RingPlan plan{std::move(config), {}, {}};
  if (request.file.empty()) plan.config.stages.resize(static_cast<std::size_t>(request.stages));
  plan.ranges = stage_ranges(plan.config, model.architecture());
  plan.links = choose_links(request.links, plan.config.links);
  if (request.link_mbps > 0) plan.config.link_mbps = request.link_mbps;
  return plan;
}

std::unique_ptr<LocalNodes> start_nodes(const RingRequest& request, const ModelFile& model,
                                        RingPlan& plan) {
  if (request.stages == 0) return nullptr;
  auto nodes = std::make_unique<LocalNodes>(request.stages, model.path(), request.compute);
  plan.config.listen = "127.0.0.1:0";
  for (std::size_t i = 0; i < plan.config.stages.size(); ++i) {
    plan.config.stages[i].address = nodes->addresses()[i];
  }
  return nodes;
}

std::unique_ptr<Classifier> connect(const RingPlan& plan, const ModelFile& model, int max_images) {
  net::HeadOptions head;
  head.listen = plan.config.listen;
  head.advertise_host = plan.config.advertise;
  head.link_bits_per_second = static_cast<std::uint64_t>(plan.config.link_mbps * 1e6);
  for (const auto& stage : plan.config.stages) head.stages.push_back({stage.address, ""});
  return make_ring_classifier(model, head, plan.ranges, plan.links, max_images);
}

}  // namespace quantring::apps
