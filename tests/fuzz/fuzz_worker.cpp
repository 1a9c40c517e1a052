// What head and stage tell each other as JSON. The first byte says which: a stage's work order, its
// report, or the head's instruction.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "apps/adaptive_output.h"
#include "apps/work_order.h"
#include "apps/worker_stats.h"
#include "ops/error.h"

using namespace quantring;
using namespace quantring::apps;

namespace {

void one_line(const std::string& text) {
  if (text.find('\n') != std::string::npos) std::abort();
}

void order(const std::string& text) {
  const WorkOrder order = work_order_from_json(text);
  if (order.max_images < 1 || order.max_images > 1024) std::abort();
  const Controller controller(order.link);  // throws Error for what makes no sense together
  if (!codec_valid(controller.current())) std::abort();
  const std::string again = work_order_to_json(order);
  if (work_order_to_json(work_order_from_json(again)) != again) std::abort();
}

void report(const std::string& text) {
  const WorkerStats stats = worker_stats_from_json(text);
  one_line(stats.device);
  for (const Decision& decision : stats.output.decisions) {
    one_line(decision_text(decision));
    if (!codec_valid(decision.to)) std::abort();
  }
  if (worker_stats_to_json(stats).size() > 2048) std::abort();
}

void instruction(const std::string& text) {
  AdaptiveOutput output({}, 197, 192, {});
  output.instructed(text);
  if (!(output.state().target_rate >= 0)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 3 == 0) order(text);
    if (data[0] % 3 == 1) report(text);
    if (data[0] % 3 == 2) instruction(text);
  } catch (const Error& error) {
    if (std::string(error.what()).empty()) std::abort();
  }
  return 0;
}
