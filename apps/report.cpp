#include "apps/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/codec.h"

namespace quantring::apps {
namespace {

double per(double amount, double of) {
  return of > 0 ? amount / of : 0;
}

std::string link_name(std::size_t link, std::size_t stages) {
  const auto end = [&](std::size_t i) {
    return i == 0 || i > stages ? std::string("head") : fmt::format("{}", i - 1);
  };
  return fmt::format("{} -> {}", end(link), end(link + 1));
}

std::string codec_of(const net::LinkStats& link) {
  return link.frames == 0 ? "-" : codec_text({static_cast<CodecId>(link.codec), link.bits});
}

// What a stage's worker says of itself; a node may send anything.
struct WorkerStats {
  std::string device = "-";
  double resident_mb = 0;
};

WorkerStats worker_stats(const std::string& app_json) {
  const auto value = nlohmann::json::parse(app_json, nullptr, /*allow_exceptions=*/false);
  WorkerStats stats;
  if (!value.is_object()) return stats;
  if (value.contains("device") && value["device"].is_string()) stats.device = value["device"];
  if (value.contains("resident_mb") && value["resident_mb"].is_number()) {
    stats.resident_mb = value["resident_mb"];
  }
  return stats;
}

std::string stage_table(const ClassifySummary& summary) {
  std::vector<std::vector<std::string>> rows = {
      {"stage", "address", "part", "device", "busy %", "images/s", "MB in RAM"}};
  for (std::size_t i = 0; i < summary.ring.stages.size(); ++i) {
    const net::StageStats& stage = summary.ring.stages[i];
    const WorkerStats worker = worker_stats(stage.app_json);
    rows.push_back({fmt::format("{}", i), stage.address, range_text(summary.ranges.at(i)),
                    worker.device,
                    fmt::format("{:.0f}", 100 * per(stage.compute_s, summary.seconds)),
                    fmt::format("{:.1f}", per(static_cast<double>(stage.images), summary.seconds)),
                    fmt::format("{:.1f}", worker.resident_mb)});
  }
  return table(rows);
}

std::string link_table(const ClassifySummary& summary) {
  std::vector<std::vector<std::string>> rows = {
      {"link", "codec", "bits/element", "bytes/image", "Mbit/s", "busy %", "images/s"}};
  const auto links = ring_links(summary.ring);
  for (std::size_t i = 0; i < links.size(); ++i) {
    const net::LinkStats& link = links[i];
    const auto images = static_cast<double>(link.images);
    rows.push_back(
        {link_name(i, summary.ring.stages.size()), codec_of(link),
         fmt::format("{:.2f}", link.bits_per_element()),
         fmt::format("{:.0f}", per(static_cast<double>(link.payload_bytes), images)),
         fmt::format("{:.1f}", per(static_cast<double>(link.wire_bytes) * 8e-6, summary.seconds)),
         fmt::format("{:.0f}", 100 * std::min(1.0, per(link.sending_s, summary.seconds))),
         fmt::format("{:.1f}", per(images, summary.seconds))});
  }
  return table(rows);
}

}  // namespace

std::vector<net::LinkStats> ring_links(const net::RingStats& stats) {
  std::vector<net::LinkStats> links;
  if (stats.stages.empty()) return links;
  links.push_back(stats.input);
  for (const net::StageStats& stage : stats.stages) links.push_back(stage.output);
  return links;
}

std::string progress_links(const net::RingStats& stats, double seconds) {
  std::string rates, bits;
  for (const net::LinkStats& link : ring_links(stats)) {
    rates += fmt::format(" {:.1f}", per(static_cast<double>(link.wire_bytes) * 8e-6, seconds));
    bits += fmt::format(" {}", link.bits);
  }
  return rates.empty() ? "" : fmt::format("Mbit/s{}  bits{}", rates, bits);
}

std::string slowest_part(const ClassifySummary& summary) {
  double most = 0;
  std::string name;
  const auto consider = [&](double seconds, const std::string& what) {
    if (seconds <= most) return;
    most = seconds;
    name = fmt::format("{} ({:.0f} %)", what, 100 * std::min(1.0, per(seconds, summary.seconds)));
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

std::string closing_report(const ClassifySummary& summary) {
  std::string text = fmt::format("{} images in {:.2f} s, {:.1f} images/s\n", summary.images,
                                 summary.seconds, summary.images_per_s());
  if (summary.labelled > 0) {
    text += fmt::format("top-1 {:.2f} %, top-5 {:.2f} % of {} labelled\n", summary.top1_percent(),
                        summary.top5_percent(), summary.labelled);
  }
  if (!summary.ring.stages.empty()) text += stage_table(summary) + link_table(summary);
  return text;
}

}  // namespace quantring::apps
