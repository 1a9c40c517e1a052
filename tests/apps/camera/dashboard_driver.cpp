// A Dashboard with synthetic data: moving numbers, changing pictures, names that look like HTML.
// For tests and development of the page.
//
// dashboard_driver [HOST:PORT] [STAGES]: prints "listening on PORT" and reads commands from
// stdin: waiting, running, silent; ends at the end of stdin.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "apps/camera/dashboard.h"
#include "apps/report/time_text.h"
#include "engine/image/formats/jpeg_write.h"

namespace {

using namespace quantring;
using namespace quantring::apps;
using Clock = std::chrono::steady_clock;

const char* const names[] = {"ankle boot",
                             "<img src=x onerror=\"document.title='owned'\">",
                             "pullover",
                             "trouser",
                             "Schnürschuh & Söhne",
                             "sandal"};

LiveAnswer some_answer(std::uint64_t number, double now) {
  LiveAnswer answer;
  answer.number = number;
  answer.time = rfc3339(std::chrono::system_clock::now());
  answer.source = "v4l2:///dev/video0";
  answer.frame = fmt::format("frame {} <b>bold</b>", number);
  answer.latency_s = 0.04 + 0.02 * std::sin(now);
  double left = 1;
  for (int i = 0; i < 5; ++i) {
    const double part = i == 4 ? left : left * (0.55 + 0.35 * std::sin(now / 3 + i));
    const std::size_t which = (number / 8 + static_cast<std::uint64_t>(i)) % std::size(names);
    answer.top.push_back({static_cast<int>(which), names[which], part});
    left -= part;
  }
  answer.true_class = names[number / 8 % std::size(names)];
  return answer;
}

LiveStatus some_status(int stages, std::uint64_t images, double now, bool healthy) {
  LiveStatus status;
  status.version = QUANTRING_VERSION;
  status.model = "models/fashion_mnist_vit.safetensors";
  status.hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  status.source = "v4l2:///dev/video0";
  status.state =
      healthy ? "running" : "waiting: stage 1 (192.168.55.12:7710) <i>was lost</i>; again in 4 s";
  status.healthy = healthy;
  status.limit =
      healthy ? "Link 0 -> 1 limits the ring: it sends 97 % of the time, 93.2 Mbit/s of 95.6."
              : "Nothing is classified: stage 1 (192.168.55.12:7710) is lost.";
  status.time = rfc3339(std::chrono::system_clock::now());
  status.uptime_s = now;
  status.feed.frames = images * 2;
  status.feed.dropped = images * 2 / 3;
  status.feed.frames_per_s = 30;
  status.feed.open = true;
  status.feed.text = "v4l2:///dev/video0, MJPG 1280x720 at 30/s";
  status.images = images;
  status.unreadable = static_cast<std::uint64_t>(now / 60);
  status.lost = healthy ? 0 : 3;
  status.reconnects = healthy ? 0 : 1;
  status.images_per_s = 21.4 + 2 * std::sin(now / 7);
  status.latency_p50_s = 0.081 + 0.01 * std::sin(now / 5);
  status.latency_p95_s = 0.143 + 0.03 * std::sin(now / 9);
  status.needed_rate = stages > 0 ? 24 : 0;
  status.resident_mb = 48.3;
  for (int i = 0; i < stages; ++i) {
    LiveStage stage;
    stage.stage = i;
    stage.lost = !healthy && i == 1;
    stage.address = fmt::format("192.168.55.{}:7710", 11 + i);
    stage.range = fmt::format("blocks {}-{}", 4 * i, 4 * i + 3);
    stage.device = i == 0 ? "Orin (CUDA, f16)" : "4 threads, neon <f32>";
    stage.version = QUANTRING_VERSION;
    stage.images = images;
    stage.images_per_s = status.images_per_s;
    stage.busy = 0.5 + 0.45 * std::sin(now / 11 + i);
    stage.resident_mb = 210 + i;
    status.stages.push_back(stage);
  }
  for (int i = 0; i <= stages && stages > 0; ++i) {
    LiveLink link;
    const bool last = i == stages;
    link.name = fmt::format("{} -> {}", i == 0 ? "head" : std::to_string(i - 1),
                            last ? "head" : std::to_string(i));
    link.mbps = last ? 0.2 : 60 + 35 * std::sin(now / 13 + i);
    link.busy = last ? 0.01 : 0.6 + 0.39 * std::sin(now / 13 + i);
    link.capacity_kind = last     ? net::Capacity::unknown
                         : i == 1 ? net::Capacity::measured
                                  : net::Capacity::at_least;
    link.capacity_mbps = last ? 0 : i == 1 ? 95.6 : 100 + 5 * std::sin(now / 3);
    link.bits = last ? 32 : i == 0 ? 8 : std::fmod(now, 60) < 30 ? 6 : 4;
    link.codec = last ? "logits" : i == 0 ? "pixels" : fmt::format("ds-aciq {}", link.bits);
    link.agreement_percent = i == 0 || last ? 0 : link.bits > 5 ? 96.4 : 86;
    link.rtt_ms = 0.8;
    link.wire_bytes = images * 20000;
    link.frames = images;
    if (i > 0 && !last) {
      link.decision = "batch 312 at 12.4 s: raw32 -> ds-aciq 6: 95.6 Mbit/s carry 24.0 images/s";
    }
    status.links.push_back(link);
  }
  return status;
}

std::vector<std::byte> some_picture(std::uint64_t number) {
  Image image{320, 240, 3, std::vector<std::uint8_t>(320 * 240 * 3)};
  const double angle = static_cast<double>(number) * 0.1;
  const double cx = 160 + 90 * std::cos(angle), cy = 120 + 70 * std::sin(angle);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      auto* pixel = &image.pixels[static_cast<std::size_t>(y * image.width + x) * 3];
      const bool inside = std::hypot(x - cx, y - cy) < 34;
      pixel[0] = static_cast<std::uint8_t>(inside ? 245 : 30 + x / 4);
      pixel[1] = static_cast<std::uint8_t>(inside ? 170 : 50 + y / 4);
      pixel[2] = static_cast<std::uint8_t>(inside ? 60 : 110);
    }
  }
  return encode_jpeg(image, 85);
}

// False at the end of stdin.
bool read_commands(bool& healthy, bool& silent, int wait_ms) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, wait_ms) <= 0) return true;
  char text[256];
  const auto got = ::read(STDIN_FILENO, text, sizeof text);
  if (got <= 0) return false;
  const std::string words(text, static_cast<std::size_t>(got));
  healthy = words.find("waiting") == std::string::npos;
  silent = words.find("silent") != std::string::npos;
  return true;
}

void drive(const std::string& listen, int stages) {
  Dashboard dashboard(listen);
  std::printf("listening on %u\n", unsigned{dashboard.port()});
  std::fflush(stdout);
  const auto start = Clock::now();
  std::uint64_t images = 0;
  double next_status = 0;
  bool healthy = true, silent = false;
  while (read_commands(healthy, silent, 100)) {
    const double now = std::chrono::duration<double>(Clock::now() - start).count();
    if (silent) continue;
    if (healthy) {
      dashboard.show(some_answer(images, now), [&] { return some_picture(images); });
      ++images;
    }
    if (now < next_status) continue;
    dashboard.show(some_status(stages, images, now, healthy));
    next_status = now + 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    drive(argc > 1 ? argv[1] : "127.0.0.1:0", argc > 2 ? std::atoi(argv[2]) : 3);
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
  return 0;
}
