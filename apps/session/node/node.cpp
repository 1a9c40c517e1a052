// A node of the ring: joins the net's node to the engine's stages.

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
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

namespace {

// The identity of the node's model file, which may be replaced between sessions.
class ModelIdentity {
 public:
  // A file that no session could use is an error now, not when the first head connects.
  explicit ModelIdentity(const std::string& path) : path_(path), hash_(ModelFile(path).hash()) {}

  std::string hash() const {
    const std::lock_guard lock(mutex_);
    return hash_;
  }
  // A line to log if the file is another one than before; else nothing.
  std::optional<std::string> look() {
    const std::string now = ModelFile(path_).hash();
    const std::lock_guard lock(mutex_);
    if (now == hash_) return std::nullopt;
    const std::string before = std::exchange(hash_, now);
    return fmt::format("model '{}' was replaced: its hash was {} and is {} now", path_,
                       before.substr(0, 16), now.substr(0, 16));
  }

 private:
  const std::string path_;
  mutable std::mutex mutex_;
  std::string hash_;
};

}  // namespace

void run_node(const NodeOptions& options, const StopToken& token) {
  ModelIdentity identity(options.model);
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
    if (const auto replaced = identity.look()) log(*replaced);
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
    node_options.state = [&options, &identity](const net::NodeState& state) {
      options.report({identity.hash(), state.sessions, state.failed_sessions, state.busy,
                      state.client, state.stage, state.images, state.compute_s,
                      state.received_bytes, state.sent_bytes});
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
