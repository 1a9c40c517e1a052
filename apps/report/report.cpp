#include "apps/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/session/ring/watch/link_coding.h"
#include "engine/control/pixel_points.h"

namespace quantring::apps {
namespace {

double ratio(double amount, double total) {
  return total > 0 ? amount / total : 0;
}

std::string capacity_text(net::Capacity capacity, double bps) {
  if (capacity == net::Capacity::unknown) return "-";
  return fmt::format("{}{:.1f}", capacity == net::Capacity::at_least ? "> " : "", bps * 1e-6);
}

std::string stage_table(const RunSummary& summary) {
  std::vector<std::vector<std::string>> rows = {
      {"stage", "address", "part", "device", "busy %", "images/s", "MB in RAM"}};
  for (std::size_t i = 0; i < summary.ring.stages.size(); ++i) {
    const net::StageStats& stage = summary.ring.stages[i];
    const WorkerStats worker = worker_stats_from_json(stage.app_json);
    rows.push_back(
        {fmt::format("{}", i), stage.address, range_text(summary.ranges.at(i)),
         worker.device.empty() ? "-" : worker.device,
         fmt::format("{:.0f}", 100 * ratio(stage.compute_s, summary.counted_seconds())),
         fmt::format("{:.1f}", ratio(static_cast<double>(stage.images), summary.counted_seconds())),
         fmt::format("{:.1f}", worker.resident_mb)});
  }
  return table(rows);
}

std::string link_table(const RunSummary& summary) {
  std::vector<std::vector<std::string>> rows = {{"link", "codec", "bits/element", "bytes/image",
                                                 "Mbit/s", "capacity Mbit/s", "busy %",
                                                 "images/s"}};
  const auto links = ring_links(summary.ring);
  for (std::size_t i = 0; i < links.size(); ++i) {
    const net::LinkStats& link = links[i];
    const auto [capacity, bps] = link_capacity(summary.ring, summary.outputs, i);
    const LinkCoding coding = link_coding(summary.ring, i);
    const auto images = static_cast<double>(link.images);
    rows.push_back({link_name(i, summary.ring.stages.size()),
                    link.frames == 0 ? "-" : codec_text(coding.codec),
                    fmt::format("{:.2f}", bits_per_element(link, coding)),
                    fmt::format("{:.0f}", ratio(static_cast<double>(link.payload_bytes), images)),
                    fmt::format("{:.1f}", ratio(static_cast<double>(link.wire_bytes) * 8e-6,
                                                summary.counted_seconds())),
                    capacity_text(capacity, bps),
                    fmt::format("{:.0f}", 100 * std::min(1.0, ratio(link.sending_s,
                                                                    summary.counted_seconds()))),
                    fmt::format("{:.1f}", ratio(images, summary.counted_seconds()))});
  }
  return table(rows);
}

// The controllers' decisions; empty where every codec is fixed.
std::string decision_list(const RunSummary& summary) {
  constexpr std::size_t max_shown = 12;  // per link; --report-json has all
  std::string text;
  bool coarser = false;
  for (std::size_t i = 0; i < summary.outputs.size(); ++i) {
    const OutputHistory& history = summary.outputs[i];
    if (!history.controlled || history.last.policy == Policy::fixed) continue;
    const std::size_t shown = std::min(history.decisions.size(), max_shown);
    const std::uint64_t hidden = history.missed + history.decisions.size() - shown;
    const std::string name = link_name(i + 1, summary.ring.stages.size());
    if (hidden > 0) text += fmt::format("{}: {} earlier decisions\n", name, hidden);
    for (std::size_t d = history.decisions.size() - shown; d < history.decisions.size(); ++d) {
      text += fmt::format("{}: {}\n", name, decision_text(history.decisions[d]));
    }
    coarser = coarser || bits_per_element(summary.ring.stages[i].output,
                                          link_coding(summary.ring, i + 1)) < 32;
  }
  coarser = coarser || link_coding(summary.ring, 0).codec.id == CodecId::jpeg;
  if (coarser) {
    text +=
        "links were coded in fewer bits to keep up: some answers may differ from those of one "
        "process (--codec raw32 keeps them)\n";
  }
  if (coarser && summary.links.policy == Policy::ladder) {
    text += fmt::format(
        "as coded at the end, {:.2f} % of the answers or more are those of one process: an "
        "estimate "
        "from the ladder, all coded links together\n",
        estimated_agreement(summary));
  }
  return text;
}

// What kept a run from its target, or the floor from a higher rate; empty when nothing did.
std::string limit_text(const RunSummary& summary) {
  const RingLimit& limit = summary.limit;
  const double target = summary.links.target_rate;
  const bool missed = target > 0 && summary.images_per_s() < target;
  if (!missed && (!limit.coded || target > 0)) return {};
  std::string text;
  if (missed)
    text = fmt::format("the target of {:g} images/s was missed: {:.4g} images/s", target,
                       summary.images_per_s());
  // A part that carries the target is not why it was missed: the run was too short to measure the
  // one that is.
  if (limit.part.empty() || (missed && limit.rate >= target)) {
    const std::string slowest = slowest_part(summary);
    if (!slowest.empty()) text += fmt::format("; busiest was {}", slowest);
  } else {
    text += fmt::format("{}{} limits the ring to {:.3g} images/s", missed ? "; " : "", limit.part,
                        limit.rate);
  }
  if (limit.coded && limit.rest > 0)
    text += fmt::format(", everything else carries {:.3g}", limit.rest);
  if (limit.coded && !limit.floor) text += ": it is at the ladder's coarsest point";
  if (limit.floor)
    text += fmt::format(
        ": fewer bits would fall below the floor of {:g} % agreement, estimated for all links "
        "together (--floor)",
        summary.links.floor);
  return text + '\n';
}

// Labels of another counting that nothing contradicted before.
std::string shifted_labels(const RunSummary& summary) {
  constexpr std::uint64_t fewest = 10;
  const std::uint64_t shifted = std::max(summary.class_before, summary.class_after);
  if (summary.labelled < fewest || 4 * shifted < summary.labelled || shifted < 4 * summary.top1)
    return {};
  return fmt::format(
      "{} of the answers are the class {} the label: the labels seem to be off by one\n", shifted,
      summary.class_before > summary.class_after ? "before" : "after");
}

}  // namespace

std::string progress_links(const net::RingStats& stats, double seconds) {
  std::string rates, bits;
  const auto links = ring_links(stats);
  for (std::size_t i = 0; i < links.size(); ++i) {
    rates +=
        fmt::format(" {:.1f}", ratio(static_cast<double>(links[i].wire_bytes) * 8e-6, seconds));
    bits += fmt::format(" {}", links[i].frames == 0 ? 0 : width_bits(link_coding(stats, i).codec));
  }
  return rates.empty() ? "" : fmt::format("Mbit/s{}  bits{}", rates, bits);
}

std::string slowest_part(const RunSummary& summary) {
  double max_seconds = 0;
  std::string name;
  const auto consider = [&](double seconds, const std::string& what) {
    if (seconds <= max_seconds) return;
    max_seconds = seconds;
    name = fmt::format("{} ({:.0f} %)", what,
                       100 * std::min(1.0, ratio(seconds, summary.counted_seconds())));
  };
  const auto& stages = summary.ring.stages;
  for (std::size_t i = 0; i < stages.size(); ++i)
    consider(stages[i].compute_s, fmt::format("compute of stage {}", i));
  const auto links = ring_links(summary.ring);
  for (std::size_t i = 0; i < links.size(); ++i) {
    consider(links[i].sending_s, "link " + link_name(i, stages.size()));
  }
  return name;
}

double estimated_agreement(const RunSummary& summary) {
  std::vector<CodecSpec> codecs;
  for (std::size_t link = 1; link < summary.ring.stages.size(); ++link)
    codecs.push_back(link_coding(summary.ring, link).codec);
  const CodecSpec pixels = link_coding(summary.ring, 0).codec;
  return ring_agreement(codecs, summary.links.ladder) * pixel_point(pixels).agreement / 100;
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.at(0).size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? fmt::format("{:<{}}", row[i], widths[i])
                     : fmt::format("  {:>{}}", row[i], widths[i]);
    }
    text += '\n';
  }
  return text;
}

std::string closing_report(const RunSummary& summary) {
  std::string text = fmt::format("{} images in {:.2f} s, {:.1f} images/s\n", summary.images,
                                 summary.seconds, summary.images_per_s());
  if (summary.labelled > 0) {
    text += fmt::format("top-1 {:.2f} %, top-5 {:.2f} % of {} labelled\n", summary.top1_percent(),
                        summary.top5_percent(), summary.labelled) +
            shifted_labels(summary);
  }
  if (summary.ring_seconds > 0) {
    text += fmt::format("the ring's counters are of the {:.1f} s since it was connected last\n",
                        summary.ring_seconds);
  }
  if (!summary.ring.stages.empty()) {
    text +=
        stage_table(summary) + link_table(summary) + decision_list(summary) + limit_text(summary);
  }
  return text;
}

}  // namespace quantring::apps
