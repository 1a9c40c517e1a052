#include "apps/commands/node_metrics.h"

#include <fmt/format.h>

#include <utility>

#include "apps/report/prometheus_text.h"

namespace quantring::apps {
namespace {

// A node that does not report for so long hangs.
constexpr std::chrono::seconds max_silence{10};

NodeReport before_reports(std::string model_hash) {
  NodeReport report;
  report.model_hash = std::move(model_hash);
  return report;
}

}  // namespace

std::string node_metrics_text(const NodeReport& report, const std::string& model) {
  PrometheusText out;
  out.family("quantring_build_info", "gauge", "Version of the software; always 1.");
  out.sample(1, {{"version", QUANTRING_VERSION}});
  out.family("quantring_model_info", "gauge", "Model file and its identity; always 1.");
  out.sample(1, {{"model", model}, {"hash", report.model_hash}});
  out.one("quantring_node_sessions_total", "counter", "Sessions that heads began.",
          report.sessions);
  out.one("quantring_node_sessions_failed_total", "counter", "Sessions that ended with an error.",
          report.failed_sessions);
  out.one("quantring_node_busy", "gauge", "1 while a session is under way, else 0.",
          report.busy ? 1 : 0);
  out.family("quantring_node_stage", "gauge", "Number of the node's stage in the ring.");
  if (report.stage >= 0) out.sample(report.stage, {{"client", report.client}});
  out.one("quantring_node_images_total", "counter", "Images computed.", report.images);
  out.one("quantring_node_compute_seconds_total", "counter", "Time spent computing.",
          report.compute_seconds);
  out.one("quantring_node_received_bytes_total", "counter",
          "Bytes received from the stage before, with headers.", report.received_bytes);
  out.one("quantring_node_sent_bytes_total", "counter",
          "Bytes sent to the next stage, with headers.", report.sent_bytes);
  add_process_metrics(out);
  return out.take();
}

NodeMetrics::NodeMetrics(const std::string& listen, std::string model, std::string hash)
    : model_(std::move(model)),
      report_(before_reports(std::move(hash))),
      server_({.listen = listen},
              [this](const net::HttpRequest& request) { return answer(request); }) {}

void NodeMetrics::show(const NodeReport& report) {
  const std::lock_guard lock(mutex_);
  report_ = report;
  shown_ = std::chrono::steady_clock::now();
}

net::HttpResponse NodeMetrics::answer(const net::HttpRequest& request) {
  const std::lock_guard lock(mutex_);
  if (request.path == "/metrics")
    return {.type = metrics_type, .body = node_metrics_text(report_, model_)};
  if (request.path != "/healthz") return {.status = 404, .body = "available: /metrics /healthz\n"};
  const auto age = std::chrono::steady_clock::now() - shown_;
  if (age < max_silence) return {.body = "ok\n"};
  return {.status = 503,
          .body = fmt::format("the node has not reported for {} s\n",
                              std::chrono::duration_cast<std::chrono::seconds>(age).count())};
}

}  // namespace quantring::apps
