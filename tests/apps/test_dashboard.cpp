// What a browser, a script and a monitoring system get of a run, over real sockets.
#include <doctest/doctest.h>

#include <chrono>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "apps/camera/dashboard.h"
#include "apps/camera/live_metrics.h"
#include "ops/error.h"
#include "tests/apps/live_status_sample.h"
#include "tests/net/http_client.h"

namespace quantring::apps {
namespace {

using nlohmann::json;
using test::HttpTestClient;
using Clock = std::chrono::steady_clock;

struct Answered {
  int status;
  std::string head, body;
};

Answered get(const Dashboard& dashboard, const std::string& path) {
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

Event next_event(HttpTestClient& client) {
  std::string text = client.read_to("\n\n");
  if (text == "retry: 1000\n\n") text = client.read_to("\n\n");
  const auto line = text.find('\n');
  REQUIRE(text.substr(0, 7) == "event: ");
  REQUIRE(text.substr(line, 7) == "\ndata: ");
  return {text.substr(7, line - 7), text.substr(line + 7, text.size() - line - 9)};
}

LiveAnswer some_answer(std::uint64_t number) {
  LiveAnswer answer;
  answer.number = number;
  answer.frame = "frame \xc3\xa9 \xff\n<b>";
  answer.top = {{3, "tench", 0.75}, {4, "<i>coho</i>", 0.125}};
  answer.latency_s = 0.25;
  return answer;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

// What is shown too soon after another is left out: waits until it is not.
void show(Dashboard& dashboard, const LiveAnswer& answer, const std::string& jpeg) {
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

TEST_CASE("the status is JSON with every field, and null where nothing is known") {
  Dashboard dashboard("127.0.0.1:0");
  dashboard.show(test::sample_status());
  const Answered answered = get(dashboard, "/api/status");
  CHECK(answered.status == 200);
  CHECK(answered.head.find("Content-Type: application/json\r\n") != std::string::npos);
  const json status = json::parse(answered.body);
  const json expected = json::parse(R"({
    "version": "9.8.7", "model": "models/a \"quoted\\\" model\n.safetensors", "hash": "cafe",
    "source": "rtsp://camera/1", "state": "running", "healthy": true, "uptime_s": 12.25,
    "images": 58, "images_per_s": 20.75, "target_images_per_s": 24.0, "latency_p50_s": 0.0625,
    "latency_p95_s": 0.125, "unreadable": 4, "lost": 5, "reconnects": 6, "resident_mb": 48.5,
    "feed": {"open": true, "text": "H.264 1280x720", "error": "", "frames": 101,
      "frames_per_s": 29.5, "dropped": 40, "unreadable": 3, "reopened": 2},
    "stages": [
      {"stage": 0, "address": "10.0.0.1:7710", "part": "blocks 0-5", "device": "Orin \ufffd\ufffd GPU",
       "version": "9.8.6", "images": 60, "images_per_s": 21.5, "busy": 0.25, "resident_mb": 300.0},
      {"stage": 1, "address": "10.0.0.2:7710", "part": "blocks 6-11", "device": "Orin \ufffd\ufffd GPU",
       "version": "9.8.6", "images": 61, "images_per_s": 22.5, "busy": 0.75, "resident_mb": 301.0}],
    "links": [
      {"link": "head -> 0", "mbps": 8.0, "busy": 0.125, "capacity": "unknown", "capacity_mbps": null,
       "codec": "pixels", "bits": 8.0, "rtt_ms": null, "wire_bytes": 5000000000, "frames": 70,
       "decision": ""},
      {"link": "0 -> 1", "mbps": 16.0, "busy": 0.25, "capacity": "at least", "capacity_mbps": 81.0,
       "codec": "ptq 6", "bits": 6.5, "rtt_ms": 0.75, "wire_bytes": 5000000001, "frames": 71,
       "decision": "raw32 -> ptq 6: link fell"},
      {"link": "1 -> head", "mbps": 24.0, "busy": 0.375, "capacity": "measured",
       "capacity_mbps": 82.0, "codec": "", "bits": null, "rtt_ms": null, "wire_bytes": 5000000002,
       "frames": 72, "decision": ""}],
    "answer": null})");
  CHECK(status == expected);

  show(dashboard, some_answer(7), "");
  CHECK(json::parse(get(dashboard, "/api/status").body)["answer"] == json::parse(R"({
    "number": 7, "frame": "frame é \ufffd\n<b>", "latency_s": 0.25, "true_class": null,
    "top": [{"class": 3, "name": "tench", "probability": 0.75},
            {"class": 4, "name": "<i>coho</i>", "probability": 0.125}]})"));
  // The same numbers everywhere.
  CHECK(get(dashboard, "/metrics").body == live_metrics(test::sample_status()));
}

TEST_CASE("health is 200 while all is there, and 503 with the reason when not") {
  Dashboard dashboard("127.0.0.1:0");
  CHECK(get(dashboard, "/healthz").status == 503);
  CHECK(get(dashboard, "/healthz").body == "starting\n");
  CHECK(json::parse(get(dashboard, "/api/status").body)["state"] == "starting");
  LiveStatus status = test::sample_status();
  dashboard.show(status);
  CHECK(get(dashboard, "/healthz").status == 200);
  CHECK(get(dashboard, "/healthz").body == "ok\n");
  status.healthy = false;
  status.state = "waiting: stage 1 (10.0.0.2:7710) was lost";
  dashboard.show(status);
  CHECK(get(dashboard, "/healthz").status == 503);
  CHECK(get(dashboard, "/healthz").body == "waiting: stage 1 (10.0.0.2:7710) was lost\n");
}

TEST_CASE("a run that falls silent is not healthy, whatever it said last") {
  Dashboard dashboard("127.0.0.1:0");
  dashboard.show(test::sample_status());
  REQUIRE(get(dashboard, "/healthz").status == 200);
  CHECK(eventually([&] { return get(dashboard, "/healthz").status == 503; }));
  const std::string state = json::parse(get(dashboard, "/api/status").body)["state"];
  CHECK(state.substr(0, 33) == "nothing was heard of the run for ");
  CHECK(get(dashboard, "/metrics").body.find("quantring_healthy 0\n") != std::string::npos);
  dashboard.show(test::sample_status());
  CHECK(get(dashboard, "/healthz").status == 200);
}

TEST_CASE("events: a new reader gets what is newest, then all that comes") {
  Dashboard dashboard("127.0.0.1:0");
  LiveStatus status = test::sample_status();
  dashboard.show(status);
  show(dashboard, some_answer(1), "");
  HttpTestClient client(dashboard.port());
  client.get("/events");
  CHECK(client.read_to("\r\n\r\n").find("Content-Type: text/event-stream\r\n") !=
        std::string::npos);
  const Event first = next_event(client), second = next_event(client);
  CHECK(first.name == "status");
  json with_answer = json::parse(get(dashboard, "/api/status").body);
  CHECK(second.name == "answer");
  CHECK(json::parse(second.data) == with_answer["answer"]);
  with_answer.erase("answer");
  CHECK(json::parse(first.data) == with_answer);
  for (std::uint64_t i = 2; i < 20; ++i) {
    status.images = i;
    dashboard.show(status);
    const Event event = next_event(client);
    CHECK(event.name == "status");
    CHECK(json::parse(event.data)["images"] == i);
    show(dashboard, some_answer(i), "");
    CHECK(json::parse(next_event(client).data)["number"] == i);
  }
}

// "--" and what the head of /stream.mjpg says.
std::string boundary_of(HttpTestClient& client) {
  const std::string head = client.read_to("\r\n\r\n");
  const std::string type = "Content-Type: multipart/x-mixed-replace; boundary=";
  const auto at = head.find(type);
  REQUIRE(at != std::string::npos);
  return "--" + head.substr(at + type.size(), head.find("\r\n", at) - at - type.size());
}

TEST_CASE("pictures come as they are, each ended by the head of the next") {
  Dashboard dashboard("127.0.0.1:0");
  HttpTestClient client(dashboard.port());
  client.get("/stream.mjpg");
  const std::string boundary = boundary_of(client);
  CHECK(boundary.size() > 20);
  const std::string head = boundary + "\r\nContent-Type: image/jpeg\r\n\r\n";
  CHECK(client.read_exactly(head.size()) == head);
  // The server knows of the reader as soon as a picture is asked for.
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(1), [&] {
      asked = true;
      return bytes_of("first");
    });
    return asked;
  }));
  std::vector<std::string> pictures = {"first", std::string(300000, '\xff'), "a\r\n--frame-\r\nb",
                                       std::string(1, '\0')};
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (i > 0) show(dashboard, some_answer(i), pictures[i]);
    CHECK(client.read_exactly(pictures[i].size()) == pictures[i]);
    CHECK(client.read_exactly(head.size() + 2) == "\r\n" + head);
  }
  const Dashboard other("127.0.0.1:0");
  HttpTestClient stranger(other.port());
  stranger.get("/stream.mjpg");
  CHECK(boundary_of(stranger) != boundary);
}

TEST_CASE("a picture is made only while somebody watches, and 20 times a second at most") {
  Dashboard dashboard("127.0.0.1:0");
  int made = 0;
  const auto make = [&] {
    ++made;
    return bytes_of("jpeg");
  };
  for (int i = 0; i < 5; ++i) show(dashboard, some_answer(1), "");
  dashboard.show(some_answer(1), make);
  CHECK(made == 0);
  HttpTestClient client(dashboard.port());
  client.get("/stream.mjpg");
  std::uint64_t number = 1;
  REQUIRE(eventually([&] {
    dashboard.show(some_answer(++number), make);
    return made > 0;
  }));
  made = 0;
  const auto start = Clock::now();
  while (made < 10) dashboard.show(some_answer(++number), make);
  CHECK(Clock::now() - start >= std::chrono::milliseconds(9 * 50));
  CHECK(number > 100);  // so most were left out
  // All count, even so.
  CHECK(json::parse(get(dashboard, "/api/status").body)["answer"]["number"] == number);
}

TEST_CASE("nobody is shown the picture of another answer") {
  Dashboard dashboard("127.0.0.1:0");
  {
    HttpTestClient watcher(dashboard.port());
    watcher.get("/stream.mjpg");
    REQUIRE(eventually([&] {
      bool asked = false;
      dashboard.show(some_answer(1), [&] {
        asked = true;
        return bytes_of("old picture");
      });
      return asked;
    }));
  }
  // Not watched any more: the next answers have no picture.
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(2), [&] {
      asked = true;
      return bytes_of("old picture");
    });
    return !asked;
  }));
  HttpTestClient late(dashboard.port());
  late.get("/stream.mjpg");
  const std::string boundary = boundary_of(late);
  late.read_to("image/jpeg\r\n\r\n");
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(3), [&] {
      asked = true;
      return bytes_of("new picture");
    });
    return asked;
  }));
  CHECK(late.read_to(boundary) == "new picture\r\n" + boundary);
}

TEST_CASE("the history has the last five minutes") {
  Dashboard dashboard("127.0.0.1:0");
  CHECK(get(dashboard, "/api/history").body == R"({"points":[]})");
  LiveStatus status = test::sample_status();
  for (int i = 0; i < 400; ++i) {
    status.uptime_s = i;
    status.feed.dropped = static_cast<std::uint64_t>(i);
    dashboard.show(status);
  }
  json points = json::parse(get(dashboard, "/api/history").body)["points"];
  CHECK(points.size() == 301);
  CHECK(points.front()["uptime_s"] == 99.0);
  CHECK(points.back() == json::parse(R"({"uptime_s": 399.0, "images_per_s": 20.75,
    "latency_p50_s": 0.0625, "latency_p95_s": 0.125, "dropped": 399, "links": [
      {"mbps": 8.0, "capacity_mbps": null, "bits": 8.0},
      {"mbps": 16.0, "capacity_mbps": null, "bits": 6.5},
      {"mbps": 24.0, "capacity_mbps": 82.0, "bits": null}]})"));
  // However often it is told.
  for (int i = 0; i < 5000; ++i) dashboard.show(status);
  points = json::parse(get(dashboard, "/api/history").body)["points"];
  CHECK(points.size() == 1200);
}

TEST_CASE("the page is one document, and asks nobody else for anything") {
  const Dashboard dashboard("127.0.0.1:0");
  const Answered page = get(dashboard, "/");
  CHECK(page.status == 200);
  CHECK(page.head.find("Content-Type: text/html; charset=utf-8\r\n") != std::string::npos);
  for (const char* directive :
       {"default-src 'none'", "img-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"}) {
    CAPTURE(directive);
    CHECK(page.head.find(directive) != std::string::npos);
  }
  CHECK(page.head.find("unsafe") == std::string::npos);
  CHECK(page.body.substr(0, 15) == "<!doctype html>");
  CHECK(page.body.find("/*page.") == std::string::npos);  // style and script are in
  CHECK(page.body.find("EventSource") != std::string::npos);
  std::size_t addresses = 0;
  for (auto at = page.body.find("://"); at != std::string::npos;
       at = page.body.find("://", at + 1)) {
    ++addresses;
    CHECK(page.body.substr(at, 22) == "://www.w3.org/2000/svg");  // a name, not an address
  }
  CHECK(addresses == 1);
  CHECK(get(dashboard, "/icon.svg").body.substr(0, 4) == "<svg");
  CHECK(get(dashboard, "/metrics").head.find("version=0.0.4") != std::string::npos);
}

TEST_CASE("nothing else is there, and nothing can be changed") {
  const Dashboard dashboard("127.0.0.1:0");
  for (const char* path : {"/index.html", "/api", "/api/status/", "//", "/../etc/passwd", "/%2e"}) {
    CAPTURE(path);
    CHECK(get(dashboard, path).status == 404);
  }
  HttpTestClient client(dashboard.port());
  client.send("POST /api/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  CHECK(client.read_all().substr(9, 3) == "405");
  CHECK_THROWS_WITH_AS(Dashboard("here"), doctest::Contains("'here' is not an address"), Error);
}

}  // namespace
}  // namespace quantring::apps
