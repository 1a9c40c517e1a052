#pragma once
// What `quantring doctor` asks of a node, and what the node answers: no socket, only the JSON.

#include <cstdint>
#include <string>

#include "engine/model/architecture.h"

namespace quantring {

// The plan's work for a stage that only passes test frames on. Real work is
// apps/session/work_order.h.
std::string probe_order_json();
bool is_probe_order(const std::string& work_json);  // false for any other text

// What a node says of itself, in StageStats::app_json.
struct ProbeReport {
  std::string model_hash;  // identity of its model file
  StageRange part;         // the blocks that its file holds
  int half_blocks = 0;     // of the whole model
  std::string compute;     // "cuda:0 (Orin), f16"
  std::string host;
  int cores = 0;
  std::uint64_t memory_bytes = 0, free_bytes = 0;  // of the machine; free: without swapping
};

std::string probe_report_json(const ProbeReport& report);  // at most 2 KiB

// A node may send anything: what is not as above is left at its default. Texts are cut to what fits
// on a line and hold no control characters.
ProbeReport parse_probe_report(const std::string& json);

}  // namespace quantring
