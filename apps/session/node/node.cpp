// A node of the ring: joins the net's node to the engine's stages.

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <utility>

#include "apps/session/compute.h"
#include "apps/session/node/probe_worker.h"
#include "apps/session/node/stage_worker.h"
#include "apps/session/quantring.h"
#include "engine/model/model_file.h"
#include "net/ring/ring_node.h"
#include "ops/base/error.h"

namespace quantring {

struct StopToken::Impl {
  std::mutex mutex;
  bool stopped = false;
  net::RingNode* node = nullptr;
};

StopToken::StopToken() : impl_(std::make_shared<Impl>()) {}

void StopToken::stop() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  impl_->stopped = true;
  if (impl_->node != nullptr) impl_->node->stop();
}

bool StopToken::stopped() const noexcept {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stopped;
}

void run_node(const NodeOptions& options, const StopToken& token) {
  // A file that no session could use is an error now, not when the first head connects.
  static_cast<void>(ModelFile(options.model));
  const int threads = options.compute.threads;
  if (threads < 0 || threads > 1024) {
    throw Error(fmt::format("{} threads: use 1 to 1024, or 0 for all cores", threads));
  }
  const ComputeChoice choice = choose_compute(options.compute.device, options.compute.precision,
                                              threads > 0 ? threads : hardware_threads());
  const auto log = [&options](const std::string& line) {
    if (options.log) options.log(line);
  };
  if (!choice.note.empty()) log(choice.note);
  const auto factory = [&](const std::string& work, int stage,
                           int) -> std::unique_ptr<net::StageWorker> {
    if (is_probe_order(work)) return std::make_unique<ProbeWorker>(options.model, choice.options);
    const auto log_link = [log, stage](const std::string& line) {
      log(fmt::format("link {} -> {}: {}", stage, stage + 1, line));
    };
    return std::make_unique<StageWorker>(options.model, work_order_from_json(work), choice.options,
                                         log_link);
  };
  net::NodeOptions node_options;
  node_options.listen = options.listen;
  node_options.alive = options.alive;
  if (options.report) {
    node_options.state = [&options](const net::NodeState& state) {
      options.report({state.sessions, state.failed_sessions, state.busy, state.client, state.stage,
                      state.images, state.compute_s, state.received_bytes, state.sent_bytes});
    };
  }
  net::RingNode node(node_options, factory, log);
  log("computing on " + compute_text(choice.options));
  if (options.ready) options.ready(node.port());
  struct Registered {
    StopToken::Impl& impl;
    Registered(StopToken::Impl& token_impl, net::RingNode* node_to_stop) : impl(token_impl) {
      const std::lock_guard lock(impl.mutex);
      impl.node = node_to_stop;
      if (impl.stopped) node_to_stop->stop();
    }
    ~Registered() {
      const std::lock_guard lock(impl.mutex);
      impl.node = nullptr;
    }
  } registered(*token.impl_, &node);
  node.run();
}

}  // namespace quantring
