#include "apps/camera/source/http_source.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "apps/camera/source/program_source.h"
#include "ops/base/lower_case.h"
#include "ops/base/password.h"

namespace quantring::apps {
namespace {

constexpr std::chrono::milliseconds snapshot_interval{100};
constexpr std::size_t max_snapshot_bytes = mjpeg_max_frame_bytes;

// "image/jpeg" of "Image/JPEG; charset=x".
std::string media_type(const std::string& header) {
  return lower_case(header.substr(0, header.find_first_of("; \t")));
}

// HLS, DASH, a video file; but not MJPEG, which cameras also name a video.
bool is_video_type(const std::string& type) {
  return type.find("mpegurl") != std::string::npos || type == "application/dash+xml" ||
         (type.starts_with("video/") && type.find("jpeg") == std::string::npos);
}

class Body final : public ByteReader {
 public:
  Body(std::shared_ptr<net::HttpClient> client, std::string name)
      : client_(std::move(client)), name_(std::move(name)) {}
  std::size_t read(std::span<std::byte> room) override {
    const std::size_t got = client_->read(room);
    if (got == 0 && !stopped_) throw Error(fmt::format("{}: the camera ended the stream", name_));
    return got;
  }
  void stop() noexcept override {
    stopped_ = true;
    client_->stop();
  }

 private:
  std::shared_ptr<net::HttpClient> client_;
  std::string name_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace

HttpSource::HttpSource(const std::string& url, net::HttpTimes times)
    : uri_(url),
      url_(net::parse_http_url(url)),
      name_(without_password(url)),
      client_(std::make_shared<net::HttpClient>(times)) {}

void HttpSource::start() {
  if (!type_.empty()) return;
  last_request_ = Frame::Clock::now();
  if (!client_->get(url_)) return;
  type_ = media_type(client_->header("content-type"));
  if (type_.empty()) type_ = "an unnamed type";
  if (type_.starts_with("text/") || type_ == "application/json" || type_ == "application/xhtml+xml")
    throw Error(
        fmt::format("{}: answers with {}, not with pictures: use the address of the "
                    "camera's MJPEG stream or snapshot, not of its page",
                    name_, type_));
  if (type_.starts_with("image/")) {
    has_response_ = true;
    return;
  }
  std::unique_ptr<FrameSource> stream;
  const bool video = is_video_type(type_);
  if (video) {
    stream = open_web_video(uri_);
  } else {
    stream = std::make_unique<MjpegSource>(std::make_unique<Body>(client_, name_),
                                           MjpegOptions{.name = name_, .text = name_});
  }
  {
    // stop() uses stream_ too.
    const std::lock_guard lock(mutex_);
    stream_ = std::move(stream);
    if (stopped_) stream_->stop();
  }
  if (video) stream_->start();
}

bool HttpSource::next(Frame& frame) {
  start();
  if (stream_) return stream_->next(frame);
  return !type_.empty() && next_snapshot(frame);
}

bool HttpSource::next_snapshot(Frame& frame) {
  if (!std::exchange(has_response_, false)) {
    if (!wait_until(last_request_ + snapshot_interval)) return false;
    last_request_ = Frame::Clock::now();
    if (!client_->get(url_)) return false;
    const std::string type = media_type(client_->header("content-type"));
    if (!type.starts_with("image/"))
      throw Error(fmt::format("{}: sent pictures before and now {}", name_, type));
  }
  std::vector<std::byte> picture(64 << 10);
  std::size_t filled = 0;
  while (const std::size_t got =
             client_->read({picture.data() + filled, picture.size() - filled})) {
    filled += got;
    if (filled > max_snapshot_bytes)
      throw Error(
          fmt::format("{}: the picture is larger than {} MiB", name_, max_snapshot_bytes >> 20));
    if (filled == picture.size()) picture.resize(2 * filled);
  }
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
  }
  if (filled == 0) throw BadFrame(fmt::format("{}: an empty picture", name_));
  picture.resize(filled);
  frame = Frame{};
  frame.name = fmt::format("frame {}", snapshots_++);
  frame.file = std::move(picture);
  frame.taken = Frame::Clock::now();
  return true;
}

bool HttpSource::wait_until(Frame::Clock::time_point time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_until(lock, time, [this] { return stopped_; });
}

void HttpSource::stop() noexcept {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  client_->stop();
  if (stream_) stream_->stop();
  changed_.notify_all();
}

std::string HttpSource::text() const {
  if (type_.empty()) return name_;
  if (stream_ && is_video_type(type_)) return stream_->text();
  return stream_ ? fmt::format("{}, MJPEG", name_) : fmt::format("{}, {} snapshots", name_, type_);
}

}  // namespace quantring::apps
