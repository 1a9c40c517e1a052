#pragma once
// The work of one stage in the ring's plan, as JSON.

#include <string>

#include "engine/control/controller.h"
#include "engine/model/architecture.h"

namespace quantring {

inline constexpr int max_batch_images = 1024;  // memory for a batch is allocated at once

struct WorkOrder {
  std::string model_hash;  // of the model that the node must have
  StageRange range;
  int max_images = 1;      // largest batch
  ControllerOptions link;  // coding of the link after this stage
  int stage = 0;           // number in the ring
  std::string codec_hash;  // of the codec file beside the model; empty: it is not needed
};

std::string work_order_to_json(const WorkOrder& order);
WorkOrder work_order_from_json(const std::string& text);  // throws Error

}  // namespace quantring
