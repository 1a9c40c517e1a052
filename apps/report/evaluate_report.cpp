#include "apps/report/evaluate_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "apps/report/chart.h"
#include "apps/report/report.h"
#include "ops/base/json.h"

namespace quantring::apps {
namespace {

using nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;
using Percent = double (EvaluationScore::*)() const;

bool labelled(const EvaluateReport& report) {
  return report.baseline.mean().labelled > 0;
}

// raw32 first.
std::vector<EvaluationPoint> all_points(const EvaluateReport& report) {
  std::vector<EvaluationPoint> all = {report.baseline};
  all.insert(all.end(), report.points.begin(), report.points.end());
  return all;
}

// In the order of the command line.
std::vector<CodecId> codecs_of(const EvaluateReport& report) {
  std::vector<CodecId> codecs;
  for (const EvaluationPoint& point : report.points) {
    if (std::find(codecs.begin(), codecs.end(), point.codec.id) == codecs.end())
      codecs.push_back(point.codec.id);
  }
  return codecs;
}

std::string cuts_text(const EvaluateReport& report) {
  std::vector<std::string> names;
  for (const int cut : report.cuts) names.push_back(cut_text(cut));
  return fmt::format("cut{} after block{} {}", names.size() == 1 ? "" : "s",
                     names == std::vector<std::string>{"1"} ? "" : "s", fmt::join(names, ", "));
}

// Codecs by bits, finest first, as in QuantPipe's Table 1.
std::string codec_table(const EvaluateReport& report, const std::string& title, Percent percent) {
  std::set<double, std::greater<>> widths;
  for (const EvaluationPoint& point : report.points) widths.insert(width_bits(point.codec));
  Rows rows = {{title}};
  for (const double width : widths) rows[0].push_back(fmt::format("{} bits", width));
  for (const CodecId id : codecs_of(report)) {
    auto& row = rows.emplace_back();
    row.push_back(codec_name(id));
    for (const double width : widths) {
      const auto point = std::find_if(
          report.points.begin(), report.points.end(), [&](const EvaluationPoint& candidate) {
            return candidate.codec.id == id && width_bits(candidate.codec) == width;
          });
      const bool measured = point != report.points.end();
      row.push_back(measured ? fmt::format("{:.2f}", (point->mean().*percent)()) : "-");
    }
  }
  return table(rows);
}

std::string point_table(const EvaluateReport& report) {
  const bool with_labels = labelled(report);
  Rows rows = {{"link"}};
  if (with_labels) rows[0].insert(rows[0].end(), {"top-1 %", "top-5 %"});
  rows[0].insert(rows[0].end(), {"agreement %", "KL, nats", "relative MSE", "bytes/image"});
  for (const EvaluationPoint& point : all_points(report)) {
    const EvaluationScore mean = point.mean();
    auto& row = rows.emplace_back();
    row.push_back(codec_text(point.codec));
    if (with_labels) {
      row.push_back(fmt::format("{:.2f}", mean.top1_percent()));
      row.push_back(fmt::format("{:.2f}", mean.top5_percent()));
    }
    row.push_back(fmt::format("{:.2f}", mean.agreement_percent()));
    row.push_back(fmt::format("{:.2e}", mean.mean_kl()));
    row.push_back(fmt::format("{:.2e}", mean.mean_relative_error()));
    row.push_back(fmt::format("{}", point.bytes_per_image));
  }
  return table(rows);
}

ordered_json score_json(const EvaluationScore& score) {
  ordered_json value;
  if (score.labelled > 0) {
    value["top1"] = score.top1_percent();
    value["top5"] = score.top5_percent();
  }
  value["agreement"] = score.agreement_percent();
  value["kl"] = score.mean_kl();
  value["relative_mse"] = score.mean_relative_error();
  return value;
}

// 4 or 4.5.
ordered_json cut_json(int cut) {
  return cut % 2 == 0 ? ordered_json(cut / 2) : ordered_json(cut / 2.0);
}

ordered_json point_json(const EvaluateReport& report, const EvaluationPoint& point) {
  ordered_json value = {{"codec", codec_name(point.codec.id)},
                        {"bits", shortest_number(width_bits(point.codec))},
                        {"bytes_per_image", point.bytes_per_image}};
  value.update(score_json(point.mean()));
  if (point.scores.size() != report.cuts.size() || report.together) return value;
  value["cuts"] = ordered_json::array();
  for (std::size_t i = 0; i < report.cuts.size(); ++i) {
    ordered_json entry = {{"cut", cut_json(report.cuts[i])}};
    entry.update(score_json(point.scores[i]));
    value["cuts"].push_back(std::move(entry));
  }
  return value;
}

std::string csv_line(const EvaluateReport& report, const EvaluationPoint& point,
                     const std::string& cut, const EvaluationScore& score) {
  const bool labels = score.labelled > 0;
  return fmt::format("{},{},{},{},{},{},{},{:.6g},{:.6g},{:.6g}\n", codec_name(point.codec.id),
                     width_bits(point.codec), cut, point.bytes_per_image, report.images,
                     labels ? fmt::format("{:.6g}", score.top1_percent()) : "",
                     labels ? fmt::format("{:.6g}", score.top5_percent()) : "",
                     score.agreement_percent(), score.mean_kl(), score.mean_relative_error());
}

// A ladder from few pictures would take points for equal of which none or one changed an answer.
// The share of answers that change grows as the root of the KL divergence, which few pictures
// suffice to measure; what it predicts counts as much as so many pictures.
constexpr double prior_images = 50;
constexpr double max_kl = 0.25;  // up to here it does

// Share of answers that change, per root of nats; DeiT-Tiny's where nothing else was measured.
double changed_per_error(const std::vector<EvaluationPoint>& points) {
  double errors = 1, changed = 0.34 * errors;
  for (const EvaluationPoint& point : points) {
    const EvaluationScore mean = point.mean();
    if (!(mean.mean_kl() <= max_kl)) continue;
    changed += static_cast<double>(mean.images - mean.agreeing);
    errors += static_cast<double>(mean.images) * std::sqrt(mean.mean_kl());
  }
  return changed / errors;
}

}  // namespace

std::string evaluate_tables(const EvaluateReport& report) {
  const EvaluationScore fp32 = report.baseline.mean();
  std::string text =
      fmt::format("{} images in {:.1f} s on {}\n{}, {}\n", report.images, report.seconds,
                  report.compute, cuts_text(report),
                  report.together ? "all coded at once" : "one coded at a time, mean over them");
  if (labelled(report)) {
    text += fmt::format("without coding: top-1 {:.2f} %, top-5 {:.2f} % of {} labelled\n",
                        fp32.top1_percent(), fp32.top5_percent(), fp32.labelled);
  }
  if (!report.points.empty()) {
    if (labelled(report))
      text += "\n" + codec_table(report, "top-1 %", &EvaluationScore::top1_percent);
    text += "\n" + codec_table(report, "agreement %", &EvaluationScore::agreement_percent);
  }
  return text + "\n" + point_table(report);
}

std::string evaluate_json(const EvaluateReport& report) {
  ordered_json value = {{"schema", "quantring.evaluate/1"},
                        {"model", report.model},
                        {"computed_on", report.compute},
                        {"seconds", report.seconds},
                        {"images", report.images},
                        {"labelled", report.baseline.mean().labelled},
                        {"unreadable", report.unreadable},
                        {"coded", report.together ? "all cuts at once" : "one cut at a time"}};
  for (const int cut : report.cuts) value["cuts"].push_back(cut_json(cut));
  for (const EvaluationPoint& point : all_points(report))
    value["points"].push_back(point_json(report, point));
  return json_text(value) + "\n";
}

std::string evaluate_csv(const EvaluateReport& report) {
  std::string text = "codec,bits,cut,bytes_per_image,images,top1,top5,agreement,kl,relative_mse\n";
  const std::string all = report.together ? "all" : "mean";
  text += csv_line(report, report.baseline, all, report.baseline.mean());
  for (const EvaluationPoint& point : report.points) {
    text += csv_line(report, point, all, point.mean());
    if (report.together) continue;
    for (std::size_t i = 0; i < report.cuts.size(); ++i)
      text += csv_line(report, point, cut_text(report.cuts[i]), point.scores[i]);
  }
  return text;
}

std::string evaluate_svg(const EvaluateReport& report) {
  const bool top1 = labelled(report);
  const Percent percent =
      top1 ? &EvaluationScore::top1_percent : &EvaluationScore::agreement_percent;
  Chart chart;
  chart.title = fmt::format(
      "{}, {} images, {}", std::filesystem::path(report.model).stem().string(), report.images,
      report.together ? fmt::format("ring of {} stages", report.cuts.size() + 1)
                      : "one coded link");
  chart.x = {.title = "bits per element", .logarithmic = true, .low = {}, .high = {}};
  // raw32 has 4 bytes an element.
  const double elements =
      (static_cast<double>(report.baseline.bytes_per_image) - coded_header_bytes) / 4;
  const auto bits = [elements](const EvaluationPoint& point) {
    return 8 * static_cast<double>(point.bytes_per_image) / elements;
  };
  double min_bits = bits(report.baseline), min_value = (report.baseline.mean().*percent)();
  ChartPanel panel{{top1 ? "top-1, %" : "agreement, %", false, {}, {}}, {}};
  for (const CodecId id : codecs_of(report)) {
    std::vector<std::pair<double, double>> values;
    for (const EvaluationPoint& point : report.points) {
      if (point.codec.id != id) continue;
      values.emplace_back(bits(point), (point.mean().*percent)());
      min_bits = std::min(min_bits, values.back().first);
      min_value = std::min(min_value, values.back().second);
    }
    std::sort(values.begin(), values.end());
    ChartSeries series{codec_name(id), {}, {}, /*marks=*/true, false, false};
    for (const auto& [x, value] : values) {
      series.x.push_back(x);
      series.y.push_back(value);
    }
    panel.series.push_back(std::move(series));
  }
  // From 0, or, where all points are close, from the ten below them.
  panel.y.low = min_value < 50 ? 0 : std::floor(min_value / 10 - 0.5) * 10;
  const double fp32 = (report.baseline.mean().*percent)();
  panel.series.push_back({"without coding",
                          {min_bits, bits(report.baseline)},
                          {fp32, fp32},
                          false,
                          false,
                          /*dashed=*/true});
  chart.panels = {std::move(panel)};
  return chart_svg(chart);
}

Ladder evaluate_ladder(const EvaluateReport& report) {
  const std::vector<EvaluationPoint> measured = all_points(report);
  const double images = static_cast<double>(report.images);
  const double per_error = changed_per_error(measured);
  std::vector<OperatingPoint> points;
  for (const EvaluationPoint& point : measured) {
    const EvaluationScore mean = point.mean();
    double agreement = mean.agreement_percent();
    if (mean.mean_kl() <= max_kl) {
      const double expected = 100 * (1 - std::min(1.0, per_error * std::sqrt(mean.mean_kl())));
      agreement = (images * agreement + prior_images * expected) / (images + prior_images);
    }
    // More digits would be below the resolution of the measurement.
    points.push_back({point.codec, std::round(1000 * agreement) / 1000});
  }
  return make_ladder(std::move(points));
}

}  // namespace quantring::apps
