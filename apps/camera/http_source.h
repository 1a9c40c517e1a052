#pragma once
// A camera's HTTP: MJPEG, or a picture again and again.

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

// Live. What the first answer is decides: multipart or anything that is not text is read as MJPEG,
// and its end is an Error, as cameras do not end; image/... is one picture, fetched again and
// again, at most 10 times a second.
class HttpSource final : public FrameSource {
 public:
  // Throws Error when the URL cannot be one; connects in start().
  explicit HttpSource(const std::string& url, net::HttpTimes times = {});
  void start() override;
  bool next(Frame& frame) override;
  void stop() noexcept override;
  bool live() const override { return true; }
  std::string text() const override;

 private:
  bool next_snapshot(Frame& frame);
  bool wait_until(Frame::Clock::time_point time);

  net::HttpUrl url_;
  std::string name_;
  std::shared_ptr<net::HttpClient> client_;
  std::string type_;                     // media type of the answer; empty before start()
  std::unique_ptr<MjpegSource> stream_;  // null: snapshots
  bool asked_ = false;                   // an answer is there whose body was not read
  std::uint64_t snapshots_ = 0;
  Frame::Clock::time_point last_asked_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

}  // namespace quantring::apps
