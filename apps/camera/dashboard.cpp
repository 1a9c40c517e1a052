#include "apps/camera/dashboard.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "apps/camera/live_metrics.h"
#include "apps/camera/live_status_json.h"
#include "apps/camera/page.h"
#include "apps/report/prometheus_text.h"
#include "net/http/http_server.h"

namespace quantring::apps {
namespace {

using Clock = std::chrono::steady_clock;
using net::HttpResponse;

constexpr double history_s = 300;
constexpr std::size_t max_points = 1200;  // at any rate of calls
constexpr std::chrono::milliseconds picture_interval{50};
// Answers come to a page a little earlier than it asks for their pictures.
constexpr std::size_t kept_pictures = 8;
// Without a status for this long the run counts as unhealthy.
constexpr std::chrono::seconds max_silence{10};

constexpr const char* json_type = "application/json";

enum EventSlot : std::size_t { status_slot, answer_slot, event_slots };

std::string event(const char* name, const std::string& json) {
  return fmt::format("event: {}\ndata: {}\n\n", name, json);
}

// Random, so that no picture contains it.
std::string make_boundary() {
  std::random_device random;
  return fmt::format("frame-{:08x}{:08x}", random(), random());
}

// Sent after each picture, because browsers show a picture when the header of the next arrives. It
// therefore has no Content-Length.
std::string part_header(const std::string& boundary) {
  return fmt::format("--{}\r\nContent-Type: image/jpeg\r\n\r\n", boundary);
}

LiveStatus initial_status() {
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
  HttpResponse picture(const std::string& query);  // these require the mutex
  LiveStatus current();

  const std::shared_ptr<net::HttpStream> events = std::make_shared<net::HttpStream>(event_slots);
  const std::shared_ptr<net::HttpStream> pictures = std::make_shared<net::HttpStream>(1);
  const std::string boundary = make_boundary();
  std::mutex mutex;  // guards the members up to the server
  LiveStatus status = initial_status();
  Clock::time_point shown = Clock::now();
  std::optional<LiveAnswer> last_answer;
  std::deque<LivePoint> history;
  Clock::time_point last_picture;
  std::deque<std::pair<std::uint64_t, std::string>> kept;  // answer's number, JPEG
  net::HttpServer server;  // last: its thread uses the other members
};

LiveStatus Dashboard::Impl::current() {
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - shown);
  LiveStatus now = status;
  if (age >= max_silence) {
    now.healthy = false;
    now.state =
        fmt::format("no status from the run for {} s; the last one: {}", age.count(), status.state);
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
            .body = part_header(boundary),
            .stream = pictures};
  }
  const std::lock_guard lock(mutex);
  if (path == "/picture.jpg") return picture(request.query);
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
          .body =
              "available: / /api/status /api/history /events /picture.jpg /stream.mjpg /metrics "
              "/healthz\n"};
}

HttpResponse Dashboard::Impl::picture(const std::string& query) {
  constexpr std::string_view name = "number=";
  const bool any = query.empty();
  std::uint64_t number = 0;
  if (!any) {
    const char* const end = query.data() + query.size();
    const char* const begin = query.starts_with(name) ? query.data() + name.size() : end;
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (error != std::errc() || stop != end)
      return {.status = 400, .body = "write /picture.jpg?number=N\n"};
  }
  for (auto each = kept.rbegin(); each != kept.rend(); ++each) {
    if (any || each->first == number) return {.type = "image/jpeg", .body = each->second};
  }
  return {.status = 204, .body = ""};
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
  while (history.size() > max_points || status.uptime_s - history.front().uptime_s > history_s) {
    history.pop_front();
  }
  impl_->events->publish(status_slot, event("status", live_status_json(status)));
}

void Dashboard::show(const LiveAnswer& answer,
                     const std::function<std::vector<std::byte>()>& jpeg) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->last_answer = answer;
    // The same interval for answers and pictures, so that they match on the page.
    if (Clock::now() - impl_->last_picture < picture_interval) return;
    impl_->last_picture = Clock::now();
  }
  // Without the mutex: encoding a JPEG must not delay requests such as /healthz.
  const bool watched = impl_->pictures->readers() > 0 || impl_->events->readers() > 0;
  const auto picture = watched ? jpeg() : std::vector<std::byte>();
  std::string bytes(reinterpret_cast<const char*>(picture.data()), picture.size());
  {
    const std::lock_guard lock(impl_->mutex);
    auto& kept = impl_->kept;
    kept.emplace_back(answer.number, bytes);
    while (kept.size() > kept_pictures || (bytes.empty() && !kept.empty())) kept.pop_front();
  }
  if (!bytes.empty()) {
    impl_->pictures->publish(0, std::move(bytes) + "\r\n" + part_header(impl_->boundary));
  } else {
    impl_->pictures->forget(0);  // a new client must not get the picture of an older answer
  }
  impl_->events->publish(answer_slot, event("answer", live_answer_json(answer)));
}

}  // namespace quantring::apps
