#include "tests/bench/adaptive/summary.h"

#include <fmt/format.h>

#include <functional>
#include <limits>

#include "net/wire/stats.h"
#include "tests/bench/adaptive/experiment.h"

namespace quantring::bench {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

// A row for each run, a column for each phase.
std::string table(const std::string& title, const std::vector<Run>& runs,
                  const std::function<std::string(const PhaseFigures&)>& cell) {
  const auto phases = paper_phases(runs.front().quick);
  const auto first = figures(runs.front());
  std::string head = "| policy |", line = "|---|";
  for (std::size_t p = 0; p < phases.size(); ++p) {
    const std::string link =
        phases[p].paper_mbps == 0
            ? "free"
            : fmt::format("{:.1f} Mbit/s ({:.3g} of the need)", first[p].shaped_mbps,
                          fraction_of_need(phases[p].paper_mbps));
    head += fmt::format(" {}-{}: {} |", phases[p].first, phases[p].end, link);
    line += "---|";
  }
  std::string text = fmt::format("\n{}:\n\n{}\n{}\n", title, head, line);
  for (const Run& run : runs) {
    text += fmt::format("| {} |", run.policy);
    for (const PhaseFigures& f : figures(run)) text += fmt::format(" {} |", cell(f));
    text += "\n";
  }
  return text;
}

std::string rate_cell(const PhaseFigures& f) {
  const std::string settled =
      f.settled_percent == 0 ? "-" : fmt::format("{:.1f}", f.settled_percent);
  return fmt::format("{:.1f} ({}){}", f.rate_percent, settled,
                     f.ended_early ? ", ended early" : "");
}

std::string bits_cell(const PhaseFigures& f) {
  return fmt::format("{:.1f}; {} ({})", f.bits, f.changes, f.late_changes);
}

std::string accuracy_cell(const PhaseFigures& f) {
  return fmt::format("{:.1f} of {:.1f} ({:.1f})", f.top1, f.top1_raw, f.agreement);
}

std::string late_cell(const PhaseFigures& f) {
  return fmt::format("{:.1f}", f.most_late_s);
}

std::string link_cell(const PhaseFigures& f) {
  return f.measured_mbps == 0 ? "-" : fmt::format("{:.1f}", f.measured_mbps);
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
  panel.y = {"bits an element", true, 0.8, 40.0};
  for (const Run& run : runs) {
    apps::ChartSeries bits;
    bits.name = run.policy;
    bits.steps = true;
    for (const BatchRecord& batch : run.batches) {
      bits.x.push_back(batch.batch);
      bits.y.push_back(width_bits(batch.codec));
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
  return fmt::format("Target: {:.1f} images/s, in micro-batches of {}.\n", runs.front().rate,
                     micro_batch) +
         table("Images/s in % of the target, over the phase (after its first window)", runs,
               rate_cell) +
         table("Mean bits an element; changes in the phase (after its first window)", runs,
               bits_cell) +
         table("Top-1 % of float32's on the same photos (agreement with float32 %)", runs,
               accuracy_cell) +
         table("Most that a micro-batch was late, s", runs, late_cell) +
         table("What the link carries as measured after the first window, median, Mbit/s", runs,
               link_cell);
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
