#pragma once
// The HTTP server for browsers and monitoring systems; read-only.
//
//   /              the page, a self-contained document
//   /picture.jpg   a classified frame: ?number=N: of that answer, else the latest;
//                  204 without such a picture, and where no client reads /events or /stream.mjpg
//   /stream.mjpg   the classified frames, multipart/x-mixed-replace
//   /events        server-sent events: "status" (LiveStatus) and "answer" (LiveAnswer)
//   /api/status    LiveStatus as JSON, with the last answer; /api/history: the LivePoints
//   /metrics       Prometheus's text format 0.0.4
//   /healthz       200 "ok", or 503 with the reason

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/camera/live_status.h"

namespace quantring::apps {

class Dashboard {
 public:
  // listen: HOST:PORT; port 0 for a free one. Serves on its own thread until destroyed. Throws
  // Error if it cannot listen there.
  explicit Dashboard(const std::string& listen);
  ~Dashboard();
  Dashboard(const Dashboard&) = delete;
  Dashboard& operator=(const Dashboard&) = delete;

  std::uint16_t port() const;

  // To be called about once a second; each call adds a point to the history.
  void show(const LiveStatus& status);
  // jpeg: returns a JPEG. Called before this returns, only while a client reads /events or
  // /stream.mjpg, and at most 20 times a second.
  void show(const LiveAnswer& answer, const std::function<std::vector<std::byte>()>& jpeg);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::apps
