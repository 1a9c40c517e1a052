#pragma once
// What `quantring node --metrics ADDRESS` serves:
//
//   /metrics   Prometheus's text format
//   /healthz   200 "ok", or 503 with the reason

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "apps/session/quantring.h"
#include "net/http/http_server.h"

namespace quantring::apps {

class NodeMetrics {
 public:
  // model: path of the file; hash: its identity. Throws Error when it cannot listen.
  NodeMetrics(const std::string& listen, std::string model, std::string hash);

  std::uint16_t port() const { return server_.port(); }
  void show(const NodeReport& report);  // about once a second

 private:
  net::HttpResponse answer(const net::HttpRequest& request);

  const std::string model_;
  std::mutex mutex_;
  NodeReport report_;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
  net::HttpServer server_;  // last: its thread uses the other members
};

std::string node_metrics_text(const NodeReport& report, const std::string& model);

}  // namespace quantring::apps
