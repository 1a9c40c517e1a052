// The dashboard over real sockets, as seen by browsers, scripts and monitoring systems.
#include <doctest/doctest.h>

#include <string>

#include "apps/camera/live_metrics.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "tests/apps/camera/dashboard_client.h"
#include "tests/apps/camera/live_status_sample.h"
#include "tests/support/texts.h"

namespace quantring::apps {
namespace {

using nlohmann::json;

TEST_CASE("the status is JSON with every field, null for unknown values") {
  Dashboard dashboard("127.0.0.1:0");
  dashboard.show(test::sample_status());
  const Answered answered = get(dashboard, "/api/status");
  CHECK(answered.status == 200);
  CHECK(answered.head.find("Content-Type: application/json\r\n") != std::string::npos);
  const json status = try_parse_json(answered.body);
  const json expected = try_parse_json(R"({
    "schema": "quantring.camera.status/1", "time": "2024-02-29T23:59:59.042Z", "version": "9.8.7", "model": "models/a \"quoted\\\" model\n.safetensors", "hash": "cafe",
    "source": "rtsp://camera/1", "state": "running", "healthy": true,
    "limit": "Link 0 -> 1 limits the ring.", "uptime_s": 12.25, "images": 58, "images_per_s": 20.75,
    "target_images_per_s": null, "needed_images_per_s": 24.0, "latency_p50_s": 0.0625,
    "latency_p95_s": 0.125, "unreadable": 4, "lost": 5, "reconnects": 6, "resident_mb": 48.5,
    "feed": {"open": true, "text": "H.264 1280x720", "error": "", "frames": 101,
      "frames_per_s": 29.5, "dropped": 40, "unreadable": 3, "reopened": 2},
    "stages": [
      {"stage": 0, "lost": false, "address": "10.0.0.1:7710", "part": "blocks 0-5", "device": "Orin \ufffd\ufffd GPU",
       "version": "9.8.6", "images": 60, "images_per_s": 21.5, "busy": 0.25, "resident_mb": 300.0},
      {"stage": 1, "lost": true, "address": "10.0.0.2:7710", "part": "blocks 6-11", "device": "Orin \ufffd\ufffd GPU",
       "version": "9.8.6", "images": 61, "images_per_s": 22.5, "busy": 0.75, "resident_mb": 301.0}],
    "links": [
      {"link": "head -> 0", "mbps": 8.0, "busy": 0.125, "capacity": "unknown", "capacity_mbps": null,
       "codec": "pixels", "bits": 8.0, "agreement_percent": null, "rtt_ms": null, "wire_bytes": 5000000000, "frames": 70,
       "decision": ""},
      {"link": "0 -> 1", "mbps": 16.0, "busy": 0.25, "capacity": "at least", "capacity_mbps": 81.0,
       "codec": "ptq 6", "bits": 6.5, "agreement_percent": 96.5, "rtt_ms": 0.75, "wire_bytes": 5000000001, "frames": 71,
       "decision": "raw32 -> ptq 6: link fell"},
      {"link": "1 -> head", "mbps": 24.0, "busy": 0.375, "capacity": "measured",
       "capacity_mbps": 82.0, "codec": "", "bits": null, "agreement_percent": null, "rtt_ms": null, "wire_bytes": 5000000002,
       "frames": 72, "decision": ""}],
    "answer": null})");
  CHECK(status == expected);

  show(dashboard, some_answer(7), "");
  CHECK(try_parse_json(get(dashboard, "/api/status").body)["answer"] == try_parse_json(R"({
    "schema": "quantring.camera.answer/1", "time": "2024-02-29T23:59:59.042Z", "source": "cam",
    "number": 7, "frame": "frame é \ufffd\n<b>", "latency_s": 0.25, "true_class": null,
    "top": [{"class": 3, "name": "tench", "probability": 0.75},
            {"class": 4, "name": "<i>coho</i>", "probability": 0.125}]})"));
  // The metrics have the same numbers; those of the process move.
  const auto until_process = [](const std::string& text) {
    return text.substr(0, text.find("# HELP process_"));
  };
  CHECK(until_process(get(dashboard, "/metrics").body) ==
        until_process(live_metrics(test::sample_status())));
  // A rate that was asked for has the name that the user gave it.
  LiveStatus asked = test::sample_status();
  asked.target_set = true;
  dashboard.show(asked);
  CHECK(try_parse_json(get(dashboard, "/api/status").body)["target_images_per_s"] == 24.0);
}

TEST_CASE("/healthz is 200, or 503 with the reason") {
  Dashboard dashboard("127.0.0.1:0");
  CHECK(get(dashboard, "/healthz").status == 503);
  CHECK(get(dashboard, "/healthz").body == "starting\n");
  CHECK(try_parse_json(get(dashboard, "/api/status").body)["state"] == "starting");
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

TEST_CASE("a run without status updates becomes unhealthy") {
  Dashboard dashboard("127.0.0.1:0");
  dashboard.show(test::sample_status());
  REQUIRE(get(dashboard, "/healthz").status == 200);
  CHECK(eventually([&] { return get(dashboard, "/healthz").status == 503; }));
  const std::string state = try_parse_json(get(dashboard, "/api/status").body)["state"];
  CHECK(state.starts_with("no status from the run for "));
  CHECK(get(dashboard, "/metrics").body.find("quantring_healthy 0\n") != std::string::npos);
  dashboard.show(test::sample_status());
  CHECK(get(dashboard, "/healthz").status == 200);
}

TEST_CASE("events: a new client gets the latest ones, then all that follow") {
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
  json with_answer = try_parse_json(get(dashboard, "/api/status").body);
  CHECK(second.name == "answer");
  CHECK(try_parse_json(second.data) == with_answer["answer"]);
  with_answer.erase("answer");
  CHECK(try_parse_json(first.data) == with_answer);
  for (std::uint64_t i = 2; i < 20; ++i) {
    status.images = i;
    dashboard.show(status);
    const Event event = next_event(client);
    CHECK(event.name == "status");
    CHECK(try_parse_json(event.data)["images"] == i);
    show(dashboard, some_answer(i), "");
    CHECK(try_parse_json(next_event(client).data)["number"] == i);
  }
}

TEST_CASE("the history covers the last five minutes") {
  Dashboard dashboard("127.0.0.1:0");
  CHECK(get(dashboard, "/api/history").body ==
        R"({"schema":"quantring.camera.history/1","points":[]})");
  LiveStatus status = test::sample_status();
  for (int i = 0; i < 400; ++i) {
    status.uptime_s = i;
    status.feed.dropped = static_cast<std::uint64_t>(i);
    dashboard.show(status);
  }
  json points = try_parse_json(get(dashboard, "/api/history").body)["points"];
  CHECK(points.size() == 301);
  CHECK(points.front()["uptime_s"] == 99.0);
  CHECK(points.back() == try_parse_json(R"({"uptime_s": 399.0, "images_per_s": 20.75,
    "latency_p50_s": 0.0625, "latency_p95_s": 0.125, "dropped": 399, "links": [
      {"mbps": 8.0, "capacity_mbps": null, "bits": 8.0},
      {"mbps": 16.0, "capacity_mbps": null, "bits": 6.5},
      {"mbps": 24.0, "capacity_mbps": 82.0, "bits": null}]})"));
  // At any rate of updates.
  for (int i = 0; i < 5000; ++i) dashboard.show(status);
  points = try_parse_json(get(dashboard, "/api/history").body)["points"];
  CHECK(points.size() == 1200);
}

TEST_CASE("below a proxy's path the page works too: it names nothing from the root") {
  const Dashboard dashboard("127.0.0.1:0");
  const std::string page = get(dashboard, "/").body;
  for (const char* from_root :
       {"src=\"/", "href=\"/", "fetch(\"/", "fetch(`/", "EventSource(\"/"}) {
    CAPTURE(from_root);
    CHECK(page.find(from_root) == std::string::npos);
  }
}

TEST_CASE("the page is self-contained and makes no requests to other servers") {
  const Dashboard dashboard("127.0.0.1:0");
  const Answered page = get(dashboard, "/");
  CHECK(page.status == 200);
  CHECK(page.head.find("Content-Type: text/html; charset=utf-8\r\n") != std::string::npos);
  for (const char* directive : {"default-src 'none'", "img-src 'self' blob:", "connect-src 'self'",
                                "frame-ancestors 'none'"}) {
    CAPTURE(directive);
    CHECK(page.head.find(directive) != std::string::npos);
  }
  CHECK(page.head.find("unsafe") == std::string::npos);
  CHECK(page.body.substr(0, 15) == "<!doctype html>");
  // Until there is a picture, a browser would show the icon of a broken one.
  CHECK(test::contains(page.body, "<img id=\"picture\" alt=\"The last classified frame\" hidden>"));
  CHECK(page.body.find("/*page.") == std::string::npos);  // style and script are embedded
  CHECK(page.body.find("EventSource") != std::string::npos);
  std::size_t addresses = 0;
  for (auto at = page.body.find("://"); at != std::string::npos;
       at = page.body.find("://", at + 1)) {
    ++addresses;
    CHECK(page.body.substr(at, 22) ==
          "://www.w3.org/2000/svg");  // an XML namespace, not an address
  }
  CHECK(addresses == 1);
  CHECK(get(dashboard, "/icon.svg").body.substr(0, 4) == "<svg");
  CHECK(get(dashboard, "/metrics").head.find("version=0.0.4") != std::string::npos);
}

TEST_CASE("other paths are 404, other methods 405") {
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
