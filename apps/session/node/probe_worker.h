#pragma once
// A node's side of `quantring doctor`: forwards test frames and reports on its machine. Reads only
// the model file's metadata.

#include <string>

#include "apps/session/node/probe_frames.h"
#include "apps/session/node/probe_order.h"
#include "net/ring/ring_node.h"
#include "ops/context.h"

namespace quantring {

class ProbeWorker : public net::StageWorker {
 public:
  // Throws Error when the model file cannot be opened.
  ProbeWorker(const std::string& model_path, const ContextOptions& compute);

  void submit(net::Message&) override {}
  // A frame whose length suits the next link, whatever came in.
  void collect(net::Message& out) override { out = frames_.next(output_); }
  void observe_output(const net::LinkStats& link) override { output_ = link; }
  std::string stats_json() override;  // ProbeReport

 private:
  ProbeReport report_;
  net::LinkStats output_;
  ProbeFrames frames_;
};

}  // namespace quantring
