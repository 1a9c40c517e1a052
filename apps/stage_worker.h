#pragma once
// Joins a stage of the engine to a node of the ring: coded bytes in, coded bytes out.

#include <string>
#include <vector>

#include "apps/work_order.h"
#include "engine/stage_runner.h"
#include "net/ring_node.h"

namespace quantring::apps {

class StageWorker : public net::StageWorker {
 public:
  // Opens the model file, or the part of one, and loads what the order asks for. Throws Error, also
  // when the file is of another model than the head's or does not hold these blocks.
  StageWorker(const std::string& model_path, const WorkOrder& order, const ContextOptions& compute);

  int depth() const override { return runner_.depth(); }
  void submit(net::Message& in) override;
  void collect(net::Message& out) override;
  // {"range": "blocks 0-4", "device": "cuda:0 f16", "resident_mb": 12.3}
  std::string stats_json() override;

 private:
  std::string device_;
  Context context_;
  ModelFile model_;
  StageRunner runner_;
  CodecSpec output_;
  CodedTensor result_;
};

// Codecs that a worker, or the head, can decode; for the hello.
std::vector<std::uint8_t> decodable_codecs();

// Memory of this process that is in RAM, in bytes.
std::uint64_t resident_bytes();

}  // namespace quantring::apps
