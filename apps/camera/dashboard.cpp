#include "apps/camera/dashboard.h"

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "apps/camera/live_metrics.h"
#include "apps/camera/live_status_json.h"
#include "apps/camera/page.h"
#include "net/http/http_server.h"

namespace quantring::apps {
namespace {

using Clock = std::chrono::steady_clock;
using net::HttpResponse;

constexpr double history_s = 300;
constexpr std::size_t most_points = 1200;  // whatever the caller's pace
constexpr std::chrono::milliseconds picture_interval{50};
// A run that is silent for so long hangs, whatever it said last.
constexpr std::chrono::seconds silence{10};

constexpr const char* json_type = "application/json";

enum EventSlot : std::size_t { status_slot, answer_slot, event_slots };

std::string event(const char* name, const std::string& json) {
  return fmt::format("event: {}\ndata: {}\n\n", name, json);
}

// Not to be guessed: a picture that has it inside would end early.
std::string make_boundary() {
  std::random_device random;
  return fmt::format("frame-{:08x}{:08x}", random(), random());
}

// A browser shows a picture when the head of the next has come. So that stands behind each, and has
// no length.
std::string part_head(const std::string& boundary) {
  return fmt::format("--{}\r\nContent-Type: image/jpeg\r\n\r\n", boundary);
}

LiveStatus at_the_start() {
  LiveStatus status;
  status.version = QUANTRING_VERSION;
  status.state = "starting";
  return status;
}

}  // namespace

struct Dashboard::Impl {
  explicit Impl(const std::string& listen)
      : server({.listen = listen, .content_security_policy = page_security_policy()},
               [this](const net::HttpRequest& request) { return answer(request); }) {}

  HttpResponse answer(const net::HttpRequest& request);
  LiveStatus current();  // under the mutex

  const std::shared_ptr<net::HttpStream> events = std::make_shared<net::HttpStream>(event_slots);
  const std::shared_ptr<net::HttpStream> pictures = std::make_shared<net::HttpStream>(1);
  const std::string boundary = make_boundary();
  std::mutex mutex;  // of all up to the server
  LiveStatus status = at_the_start();
  Clock::time_point shown = Clock::now();
  std::optional<LiveAnswer> last_answer;
  std::deque<LivePoint> history;
  Clock::time_point last_picture;
  net::HttpServer server;  // last: its thread uses all the rest
};

LiveStatus Dashboard::Impl::current() {
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - shown);
  LiveStatus now = status;
  if (age >= silence) {
    now.healthy = false;
    now.state =
        fmt::format("nothing was heard of the run for {} s; it was: {}", age.count(), status.state);
  }
  return now;
}

HttpResponse Dashboard::Impl::answer(const net::HttpRequest& request) {
  const std::string& path = request.path;
  if (path == "/") return {.type = "text/html; charset=utf-8", .body = page_html()};
  if (path == "/icon.svg") return {.type = "image/svg+xml", .body = std::string(page_icon())};
  if (path == "/events")
    return {.type = "text/event-stream", .body = "retry: 1000\n\n", .stream = events};
  if (path == "/stream.mjpg") {
    return {.type = fmt::format("multipart/x-mixed-replace; boundary={}", boundary),
            .body = part_head(boundary),
            .stream = pictures};
  }
  const std::lock_guard lock(mutex);
  if (path == "/api/history") return {.type = json_type, .body = live_history_json(history)};
  const LiveStatus now = current();
  if (path == "/api/status") {
    return {.type = json_type,
            .body = live_status_json(now, last_answer ? &*last_answer : nullptr)};
  }
  if (path == "/metrics") return {.type = metrics_type, .body = live_metrics(now)};
  if (path == "/healthz") {
    if (now.healthy) return {.body = "ok\n"};
    return {.status = 503, .body = utf8_text(now.state) + "\n"};
  }
  return {.status = 404,
          .body = "there are: / /api/status /api/history /events /stream.mjpg /metrics /healthz\n"};
}

Dashboard::Dashboard(const std::string& listen) : impl_(std::make_unique<Impl>(listen)) {}

Dashboard::~Dashboard() = default;

std::uint16_t Dashboard::port() const {
  return impl_->server.port();
}

void Dashboard::show(const LiveStatus& status) {
  const std::lock_guard lock(impl_->mutex);
  impl_->status = status;
  impl_->shown = Clock::now();
  auto& history = impl_->history;
  history.push_back(point_of(status));
  while (history.size() > most_points || status.uptime_s - history.front().uptime_s > history_s) {
    history.pop_front();
  }
  impl_->events->publish(status_slot, event("status", live_status_json(status)));
}

void Dashboard::show(const LiveAnswer& answer,
                     const std::function<std::vector<std::byte>()>& jpeg) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->last_answer = answer;
    // Words and picture keep the same pace, so that what is seen belongs together.
    if (Clock::now() - impl_->last_picture < picture_interval) return;
    impl_->last_picture = Clock::now();
  }
  // Not under the mutex: a JPEG may have to be made, and whoever asks for /healthz need not wait.
  const bool watched = impl_->pictures->readers() > 0;
  if (const auto picture = watched ? jpeg() : std::vector<std::byte>(); !picture.empty()) {
    std::string bytes(reinterpret_cast<const char*>(picture.data()), picture.size());
    impl_->pictures->publish(0, std::move(bytes) + "\r\n" + part_head(impl_->boundary));
  } else {
    impl_->pictures->forget(0);  // whoever comes next is not shown the picture of another answer
  }
  impl_->events->publish(answer_slot, event("answer", live_answer_json(answer)));
}

}  // namespace quantring::apps
