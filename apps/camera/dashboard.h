#pragma once
// What a browser and a monitoring system see of a run: read-only, over HTTP.
//
//   /              the page, one self-contained file
//   /stream.mjpg   the classified frames, multipart/x-mixed-replace
//   /events        server-sent events: "status" (LiveStatus) and "answer" (LiveAnswer)
//   /api/status    LiveStatus as JSON, with the last answer; /api/history: the LivePoints
//   /metrics       Prometheus's text format 0.0.4
//   /healthz       200 "ok", or 503 and why

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
  // listen: HOST:PORT; port 0 takes a free one. Serves on a thread of its own until destroyed.
  // Throws Error when it cannot listen there.
  explicit Dashboard(const std::string& listen);
  ~Dashboard();
  Dashboard(const Dashboard&) = delete;
  Dashboard& operator=(const Dashboard&) = delete;

  std::uint16_t port() const;

  // About once a second; every call also makes a point of the history.
  void show(const LiveStatus& status);
  // jpeg: asked for only while somebody watches the picture, at most 20 times a second, before this
  // returns; it gives the bytes of a JPEG.
  void show(const LiveAnswer& answer, const std::function<std::vector<std::byte>()>& jpeg);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::apps
