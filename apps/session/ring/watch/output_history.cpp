#include "apps/session/ring/watch/output_history.h"

#include <algorithm>

namespace quantring {
namespace {

constexpr std::size_t max_decisions = 1000;

void add_decisions(OutputHistory& history, const OutputState& state) {
  const std::uint64_t known = history.missed + history.decisions.size();
  if (state.decision_count <= known) return;
  const std::uint64_t added = state.decision_count - known;
  const auto held = std::min<std::uint64_t>(added, state.decisions.size());
  history.missed += added - held;
  history.decisions.insert(history.decisions.end(),
                           state.decisions.end() - static_cast<std::ptrdiff_t>(held),
                           state.decisions.end());
  while (history.decisions.size() > max_decisions) {
    history.decisions.pop_front();
    ++history.missed;
  }
}

}  // namespace

void add_report(OutputHistories& histories, const net::RingStats& stats) {
  histories.resize(stats.stages.size());
  for (std::size_t i = 0; i < histories.size(); ++i) {
    OutputHistory& history = histories[i];
    const net::LinkStats& link = stats.stages[i].output;
    if (link.capacity != net::Capacity::unknown) {
      history.capacity = link.capacity;
      history.capacity_bps = link.capacity_bps;
    }
    WorkerStats worker = worker_stats_from_json(stats.stages[i].app_json);
    if (!worker.has_output) continue;
    add_decisions(history, worker.output);
    history.controlled = true;
    history.last = std::move(worker.output);
    history.last.decisions.clear();
  }
}

}  // namespace quantring
