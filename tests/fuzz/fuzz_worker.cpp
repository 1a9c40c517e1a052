// JSON between head and stage. The first byte selects: a stage's work order, its
// report, the head's instruction, or what `quantring doctor` asks and hears.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "apps/session/node/adaptive_output.h"
#include "apps/session/node/probe_order.h"
#include "apps/session/ring/watch/worker_stats.h"
#include "apps/session/ring/work_order.h"
#include "ops/base/error.h"

using namespace quantring;

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

// No text is both an order for work and one for a probe.
void work_order_refuses(const std::string& text) {
  try {
    work_order_from_json(text);
  } catch (const Error&) {
    return;
  }
  std::abort();
}

void instruction(const std::string& text) {
  AdaptiveOutput output({}, 1, 197, 192, {});
  output.instructed(text);
  if (!(output.state().target_rate >= 0)) std::abort();
}

void probe(const std::string& text) {
  if (is_probe_order(text)) work_order_refuses(text);
  const ProbeReport report = parse_probe_report(text);
  one_line(report.model_hash);
  one_line(report.compute);
  one_line(report.host);
  if (report.part.begin < 0 || report.cores < 0) std::abort();
  const std::string again = probe_report_json(report);
  if (again.size() > 2048) std::abort();
  if (probe_report_json(parse_probe_report(again)) != again) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 4 == 0) order(text);
    if (data[0] % 4 == 1) report(text);
    if (data[0] % 4 == 2) instruction(text);
    if (data[0] % 4 == 3) probe(text);
  } catch (const Error& error) {
    if (std::string(error.what()).empty()) std::abort();
  }
  return 0;
}
