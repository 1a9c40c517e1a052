#pragma once
// The request of `quantring doctor` to a node, and the node's report, as JSON.

#include <cstdint>
#include <string>

#include "engine/model/architecture.h"

namespace quantring {

// The plan's work for a stage that only forwards test frames (others: work_order.h).
std::string probe_order_json();
bool is_probe_order(const std::string& work_json);  // false for any other text

// A node's report on itself, in StageStats::app_json.
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

// From a node, so anything: a field of the wrong kind keeps its default. Texts are cut to fit on a
// line and hold no control characters.
ProbeReport parse_probe_report(const std::string& json);

}  // namespace quantring
