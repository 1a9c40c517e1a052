#pragma once
// A camera over HTTP: an MJPEG stream, or a snapshot that is fetched repeatedly.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "engine/camera/frame_source.h"
#include "engine/camera/mjpeg_source.h"
#include "net/http/http_client.h"

namespace quantring::apps {

// Live. The media type of the first response decides: image/... is a snapshot, fetched at most 10
// times a second; a playlist or video goes through ffmpeg; multipart and any other type except text
// is read as MJPEG, whose end is an Error.
class HttpSource final : public FrameSource {
 public:
  // Throws Error if the URL is invalid; connects in start().
  explicit HttpSource(const std::string& url, net::HttpTimes times = {});
  void start() override;
  bool next(Frame& frame) override;
  void stop() noexcept override;
  bool live() const override { return true; }
  std::string text() const override;

 private:
  bool next_snapshot(Frame& frame);
  bool wait_until(Frame::Clock::time_point time);

  const std::string uri_;
  net::HttpUrl url_;
  std::string name_;
  std::shared_ptr<net::HttpClient> client_;
  std::string type_;                     // media type of the response; empty before start()
  std::unique_ptr<FrameSource> stream_;  // null: snapshots
  bool has_response_ = false;            // whose body was not read yet
  std::uint64_t snapshots_ = 0;
  Frame::Clock::time_point last_request_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

}  // namespace quantring::apps
