#include "tests/bench/adaptive/summary.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/report.h"
#include "net/stats.h"
#include "tests/bench/adaptive/experiment.h"

namespace quantring::bench {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

std::string link_text(double mbps) {
  return mbps == 0 ? "free" : fmt::format("{:.1f}", mbps);
}

std::string phase_table(const std::vector<Run>& runs, std::size_t phase) {
  const Phase plan = paper_phases(runs.front().quick)[phase];
  const std::string paper =
      plan.paper_mbps == 0 ? "free" : fmt::format("{:.0f} Mbit/s", plan.paper_mbps);
  std::string text = fmt::format(
      "\nMicro-batches {}-{}: paper's link {}, ours {} Mbit/s ({})\n\n"
      "| policy | % of target | after the first window | most late, s | changes (after the first "
      "window) | bits | top-1 % (float32, same photos) | agreement % | link as measured, Mbit/s |\n"
      "|---|---|---|---|---|---|---|---|---|\n",
      plan.first, plan.end, paper, link_text(figures(runs.front())[phase].shaped_mbps),
      plan.paper_mbps == 0
          ? "not shaped"
          : fmt::format("{:.3g} of the float32 need", fraction_of_need(plan.paper_mbps)));
  for (const Run& run : runs) {
    const PhaseFigures f = figures(run)[phase];
    text += fmt::format(
        "| {}{} | {:.1f} | {} | {:.1f} | {} ({}) | {:.1f} | {:.1f} ({:.1f}) | "
        "{:.1f} | {} |\n",
        run.policy, f.ended_early ? ", ended early" : "", f.rate_percent,
        f.settled_percent == 0 ? "-" : fmt::format("{:.1f}", f.settled_percent), f.most_late_s,
        f.changes, f.late_changes, f.bits, f.top1, f.top1_raw, f.agreement,
        f.measured_mbps == 0 ? "-" : fmt::format("{:.1f}", f.measured_mbps));
  }
  return text;
}

apps::ChartPanel link_panel(const std::vector<Run>& runs) {
  apps::ChartPanel panel;
  panel.y = {"link, Mbit/s", true, {}, {}};
  apps::ChartSeries shaped;
  shaped.name = "shaped to";
  shaped.steps = shaped.dashed = true;
  for (const Sample& sample : runs.back().samples) {
    shaped.x.push_back(sample.batch);
    shaped.y.push_back(sample.shaped_bps == 0 ? nothing : sample.shaped_bps * 1e-6);
  }
  panel.series.push_back(shaped);
  apps::ChartSeries measured;
  measured.name = fmt::format("measured ({})", runs.back().policy);
  for (const Sample& sample : runs.back().samples) {
    const bool filled = sample.capacity == static_cast<int>(net::Capacity::measured);
    measured.x.push_back(sample.batch);
    measured.y.push_back(filled && sample.shaped_bps > 0 ? sample.capacity_bps * 1e-6 : nothing);
  }
  panel.series.push_back(measured);
  return panel;
}

apps::ChartPanel bits_panel(const std::vector<Run>& runs) {
  apps::ChartPanel panel;
  panel.y = {"bits an element", true, 1.5, 40.0};
  for (const Run& run : runs) {
    apps::ChartSeries bits;
    bits.name = run.policy;
    bits.steps = true;
    for (const BatchRecord& batch : run.batches) {
      bits.x.push_back(batch.batch);
      bits.y.push_back(batch.codec.bits);
    }
    panel.series.push_back(bits);
  }
  return panel;
}

apps::ChartPanel rate_panel(const std::vector<Run>& runs) {
  constexpr int over = 12;  // micro-batches
  apps::ChartPanel panel;
  panel.y = {"images/s", false, 0.0, {}};
  const auto phases = paper_phases(runs.front().quick);
  panel.series.push_back({"target",
                          {0, static_cast<double>(phases.back().end)},
                          {runs.front().rate, runs.front().rate},
                          false,
                          false,
                          true});
  for (const Run& run : runs) {
    apps::ChartSeries rate;
    rate.name = run.policy;
    for (std::size_t i = over; i < run.batches.size(); ++i) {
      const BatchRecord &before = run.batches[i - over], &batch = run.batches[i];
      const bool whole = batch.batch - before.batch == over;  // no phase ended early in between
      rate.x.push_back(batch.batch);
      rate.y.push_back(whole ? over * micro_batch / std::max(1e-3, batch.done_s - before.done_s)
                             : nothing);
    }
    panel.series.push_back(rate);
  }
  return panel;
}

apps::ChartPanel accuracy_panel(const std::vector<Run>& runs) {
  apps::ChartPanel panel;
  panel.y = {"agreement with float32, %", false, 0.0, 100.0};
  const auto phases = paper_phases(runs.front().quick);
  for (const Run& run : runs) {
    apps::ChartSeries accuracy;
    accuracy.name = run.policy;
    const auto all = figures(run);
    for (std::size_t p = 0; p < phases.size(); ++p) {
      accuracy.x.insert(accuracy.x.end(), {static_cast<double>(phases[p].first),
                                           static_cast<double>(phases[p].end - 1)});
      accuracy.y.insert(accuracy.y.end(), {all[p].agreement, all[p].agreement});
    }
    panel.series.push_back(accuracy);
  }
  return panel;
}

}  // namespace

std::string summary_text(const std::vector<Run>& runs) {
  std::string text = fmt::format("Target: {:.1f} images/s, in micro-batches of {}.\n",
                                 runs.front().rate, micro_batch);
  for (std::size_t p = 0; p < paper_phases(runs.front().quick).size(); ++p)
    text += phase_table(runs, p);
  return text;
}

apps::Chart summary_chart(const std::vector<Run>& runs) {
  apps::Chart chart;
  chart.title = fmt::format("The link between two stages is shaped; target {:.1f} images/s",
                            runs.front().rate);
  chart.x.title = "micro-batch";
  const auto phases = paper_phases(runs.front().quick);
  chart.x.low = 0;
  chart.x.high = phases.back().end;
  for (std::size_t p = 1; p < phases.size(); ++p) chart.dividers.push_back(phases[p].first);
  chart.panels = {link_panel(runs), bits_panel(runs), rate_panel(runs), accuracy_panel(runs)};
  return chart;
}

}  // namespace quantring::bench
