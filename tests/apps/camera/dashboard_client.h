#pragma once
// A client of a Dashboard, and data to show on it.

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "apps/camera/dashboard.h"
#include "tests/net/http/http_client.h"

namespace quantring::apps {

using test::HttpTestClient;
using Clock = std::chrono::steady_clock;

struct Answered {
  int status;
  std::string head, body;
};

inline Answered get(const Dashboard& dashboard, const std::string& path) {
  HttpTestClient client(dashboard.port());
  client.get(path, "Connection: close\r\n");
  const std::string all = client.read_all();
  const auto end = all.find("\r\n\r\n");
  REQUIRE(end != std::string::npos);
  return {std::stoi(all.substr(9, 3)), all.substr(0, end + 2), all.substr(end + 4)};
}

struct Event {
  std::string name, data;
};

inline Event next_event(HttpTestClient& client) {
  std::string text = client.read_to("\n\n");
  if (text == "retry: 1000\n\n") text = client.read_to("\n\n");
  const auto line = text.find('\n');
  REQUIRE(text.substr(0, 7) == "event: ");
  REQUIRE(text.substr(line, 7) == "\ndata: ");
  return {text.substr(7, line - 7), text.substr(line + 7, text.size() - line - 9)};
}

inline LiveAnswer some_answer(std::uint64_t number) {
  LiveAnswer answer;
  answer.number = number;
  answer.time = "2024-02-29T23:59:59.042Z";
  answer.source = "cam";
  answer.frame = "frame \xc3\xa9 \xff\n<b>";
  answer.top = {{3, "tench", 0.75}, {4, "<i>coho</i>", 0.125}};
  answer.latency_s = 0.25;
  return answer;
}

inline std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

// Waits before showing, because answers in quick succession are skipped.
inline void show(Dashboard& dashboard, const LiveAnswer& answer, const std::string& jpeg) {
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  dashboard.show(answer, [&] { return bytes_of(jpeg); });
}

template <typename Condition>
bool eventually(Condition condition) {
  const auto end = Clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace quantring::apps
