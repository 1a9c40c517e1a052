#include "apps/options/ring_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "apps/options/option_check.h"
#include "apps/session/compute.h"
#include "ops/base/error.h"

namespace quantring::apps {

int shared_threads(int processes) {
  return std::max(1, hardware_threads() / std::max(1, processes));
}

RingConfig read_config(const RingRequest& request) {
  return request.file.empty() ? RingConfig{} : read_ring_config(request.file);
}

std::string model_path(const std::string& flag, const RingConfig& config) {
  const std::string path = flag.empty() ? config.model : flag;
  if (path.empty()) {
    throw OptionError("no model: add --model FILE, or model = \"FILE\" in the ring file");
  }
  std::error_code ignored;
  if (flag.empty() && !std::filesystem::exists(path, ignored)) {
    const auto beside = std::filesystem::path(config.file).parent_path() / path;
    throw Error(fmt::format(
        "{} names the model '{}', and there is neither '{}' nor '{}': write its whole path, or add "
        "--model FILE",
        config.file, path, std::filesystem::absolute(beside).lexically_normal().string(),
        std::filesystem::absolute(path).lexically_normal().string()));
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

RingSetup::RingSetup(const RingRequest& request, RingConfig config, const ModelFile& model,
                     int max_images) {
  if (!request.wanted()) {
    connect = [&model, max_images, compute = request.compute] {
      return make_local_session(model, max_images, compute);
    };
    return;
  }
  if (request.file.empty()) {
    apps::check_option("--stages",
                       [&] { return split_evenly(model.architecture(), request.stages); });
    config.stages.resize(static_cast<std::size_t>(request.stages));
  }
  plan = plan_ring(std::move(config), request.links, request.link_mbps, model);
  if (!plan.notice.empty()) std::fputs((plan.notice + "\n").c_str(), stderr);
  if (request.stages > 0) {
    nodes = std::make_unique<LocalNodes>(request.stages, model.path(), request.compute);
    plan.config.listen = "127.0.0.1:0";
    for (std::size_t i = 0; i < plan.config.stages.size(); ++i) {
      plan.config.stages[i].address = nodes->addresses()[i];
    }
  }
  connect = [this, &model, max_images] {
    return connect_ring(plan, model, max_images,
                        [](const std::string& line) { std::fputs((line + "\n").c_str(), stderr); });
  };
}

}  // namespace quantring::apps
