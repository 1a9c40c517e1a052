#pragma once
// A node's part in `quantring doctor`: passes test frames on and says what kind of machine it is.
// Loads no model: only the file's metadata are read.

#include <string>

#include "apps/session/probe_frames.h"
#include "apps/session/probe_order.h"
#include "net/ring/ring_node.h"
#include "ops/context.h"

namespace quantring {

class ProbeWorker : public net::StageWorker {
 public:
  // Throws Error when the model file cannot be opened.
  ProbeWorker(const std::string& model_path, const ContextOptions& compute);

  void submit(net::Message&) override {}
  // A frame of the length that suits the next link, whatever length came in.
  void collect(net::Message& out) override { out = frames_.next(output_); }
  void observe_output(const net::LinkStats& link) override { output_ = link; }
  std::string stats_json() override;  // ProbeReport

 private:
  ProbeReport report_;
  net::LinkStats output_;
  ProbeFrames frames_;
};

}  // namespace quantring
