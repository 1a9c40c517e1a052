// Cameras over HTTP, served by the test.
#include <doctest/doctest.h>

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/camera/source/http_source.h"
#include "engine/camera/frame_feed.h"
#include "tests/apps/camera/open_camera_support.h"
#include "tests/support/http_camera.h"
#include "tests/support/texts.h"

namespace quantring::apps {
namespace {

using namespace quantring::test;
using std::chrono::milliseconds;

std::string part(int number) {
  const std::string jpeg = text_of(numbered_jpeg(number));
  return "--b\r\nContent-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) +
         "\r\n\r\n" + jpeg + "\r\n";
}

constexpr const char* multipart_head =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n";

TEST_CASE("MJPEG over HTTP; its end is an error") {
  const HttpCamera camera([](const std::string&, const HttpCamera::Peer& peer) {
    peer.send(multipart_head + part(5) + part(6));
  });
  const auto source = open(camera.url("/cam.mjpg", "me:secret@"));
  CHECK(source->live());
  source->start();
  CHECK(contains(source->text(), "http://me:...@127.0.0.1"));
  CHECK(contains(source->text(), "MJPEG"));
  CHECK(!contains(source->text(), "secret"));
  Frame frame;
  REQUIRE(source->next(frame));
  CHECK(number_of(frame) == 5);
  REQUIRE(source->next(frame));
  CHECK(number_of(frame) == 6);
  const std::string line = error_of([&] { source->next(frame); });
  CHECK(contains(line, "the camera ended the stream"));
  CHECK(!contains(line, "secret"));
}

TEST_CASE("a snapshot over HTTP is fetched repeatedly, at most 10 times a second") {
  const HttpCamera camera([&](const std::string& request, const HttpCamera::Peer& peer) {
    if (contains(request, "GET /page ")) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\n\r\n<html>");
      return;
    }
    static int number = 0;
    const std::string jpeg = text_of(numbered_jpeg(number++));
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: " +
              std::to_string(jpeg.size()) + "\r\n\r\n" + jpeg);
  });
  const auto source = open(camera.url("/snapshot.jpg"));
  const auto begun = Frame::Clock::now();
  source->start();
  Frame frame;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(source->next(frame));
    CHECK(number_of(frame) == i);
  }
  CHECK(Frame::Clock::now() - begun >= milliseconds(300));
  CHECK(contains(source->text(), "image/jpeg snapshots"));
  source->stop();
  CHECK(!source->next(frame));
  const auto page = open(camera.url("/page"));
  CHECK(contains(error_of([&] { page->start(); }), "answers with text/html, not with pictures"));
}

TEST_CASE("a camera that dies and comes back is reopened and counted") {
  std::vector<std::string> lines;
  std::mutex mutex;
  const auto serve = [](const std::string&, const HttpCamera::Peer& peer) {
    if (!peer.send(multipart_head)) return;
    for (int i = 0; peer.send(part(i % 100)); ++i) std::this_thread::sleep_for(milliseconds(2));
  };
  auto camera = std::make_unique<HttpCamera>(serve);
  const std::string url = camera->url();
  const std::uint16_t port = camera->port();
  FrameFeed feed([&] { return open(url); },
                 [&](const std::string& line) {
                   const std::lock_guard lock(mutex);
                   lines.push_back(line);
                 },
                 {milliseconds(5), milliseconds(20)});
  Frame frame;
  REQUIRE(feed.next(frame));
  camera.reset();
  REQUIRE(eventually([&] { return contains(feed.stats().error, "cannot connect"); }));
  CHECK(!feed.stats().open);
  camera = std::make_unique<HttpCamera>(serve, port);
  const std::uint64_t before = feed.stats().frames;
  REQUIRE(eventually([&] { return feed.stats().frames > before + 3; }));
  CHECK(feed.next(frame));
  CHECK(feed.stats().reopened == 1);
  CHECK(feed.stats().open);
  const std::lock_guard lock(mutex);
  REQUIRE(lines.size() == 2);
  CHECK(contains(lines[0], "trying again in 0.005 s"));
  CHECK(contains(lines[1], "frames arrive again"));
}

}  // namespace
}  // namespace quantring::apps
