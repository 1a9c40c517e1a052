#pragma once
// Joins a stage of the engine to a node of the ring: coded bytes in, coded bytes out.

#include <memory>
#include <string>

#include "apps/work_order.h"
#include "engine/stage.h"
#include "net/ring_node.h"

namespace quantring::apps {

class StageWorker : public net::StageWorker {
 public:
  // Opens the model file, or the part of one, and loads what the order asks for. Throws Error, also
  // when the file is of another model than the head's or does not hold these blocks.
  StageWorker(const std::string& model_path, const WorkOrder& order, int threads);

  void process(net::Message& in, net::Message& out) override;
  std::string stats_json() override;  // {"range": "blocks 0-4", "resident_mb": 12.3}

 private:
  ConstTensor forward(CodedTensor& in);

  Context context_;
  ModelFile model_;
  Stage stage_;
  CodecSpec output_;
  CodedTensor coded_;
};

// Codecs that a worker, or the head, can decode; for the hello.
std::vector<std::uint8_t> decodable_codecs();

// Memory of this process that is in RAM, in bytes.
std::uint64_t resident_bytes();

}  // namespace quantring::apps
