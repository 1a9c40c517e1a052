#pragma once
// Joins a stage of the engine to a node of the ring. On the CPU the codec of a result is chosen
// when there is room for it on the link, on a GPU when it is computed.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/session/node/adaptive_output.h"
#include "apps/session/ring/work_order.h"
#include "engine/stage/stage_runner.h"
#include "net/ring/ring_node.h"

namespace quantring {

class StageWorker : public net::StageWorker {
 public:
  // Opens the model file, or a shard of it, and loads what the order asks for. log: gets a line for
  // every decision about the output's coding; called on the compute thread. Throws Error, also when
  // the file is of another model than the head's or does not hold these blocks, and when the codec
  // file beside it is not the head's and is needed.
  StageWorker(const std::string& model_path, const WorkOrder& order, const ContextOptions& compute,
              AdaptiveOutput::Log log);

  int depth() const override { return runner_.depth(); }
  void submit(net::Message& in) override;
  void collect(net::Message& out) override;
  void instructed(const std::string& json) override;
  void observe_output(const net::LinkStats& link) override;
  std::string stats_json() override;  // apps/session/ring/watch/worker_stats.h

 private:
  CoderTables load_tables(const WorkOrder& order);

  std::string device_;
  Context context_;
  ModelFile model_;
  std::optional<KltTables> sent_, received_;  // of the cuts at which the stage ends and begins
  std::optional<AdaptiveOutput> output_;      // none: the last stage, whose logits are not coded
  StageRunner runner_;
  std::uint64_t elements_per_image_ = 0;  // of the output; 0 before the first
};

}  // namespace quantring
