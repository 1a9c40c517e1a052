// V4L2 cameras, on a mocked kernel.
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/camera/frame_feed.h"
#include "engine/camera/v4l2/v4l2_camera.h"
#include "engine/camera/v4l2/v4l2_device.h"
#include "engine/image/image.h"
#include "ops/base/error.h"
#include "tests/engine/camera/fake_v4l2.h"
#include "tests/support/jpeg.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::contains;
using test::error_of;

using test::numbered_jpeg;

V4l2Options options(int width = 0, int height = 0, double fps = 0) {
  return {.path = "/dev/video0", .width = width, .height = height, .fps = fps, .channels = 3};
}

FakeV4l2::Filled filled(const test::Bytes& bytes) {
  FakeV4l2::Filled frame;
  frame.bytes = bytes;
  return frame;
}

TEST_CASE("JPEGs are delivered unchanged, and every buffer is queued again") {
  FakeV4l2 kernel;
  for (int i = 0; i < 20; ++i) kernel.frames.push_back(filled(numbered_jpeg(i)));
  {
    V4l2Camera camera(options(), kernel);
    CHECK(camera.live());
    CHECK(camera.text() == "v4l2:///dev/video0, MJPG 640x480 at 30/s");
    CHECK(kernel.streaming);
    CHECK(kernel.mapped == 4);
    Frame frame;
    for (int i = 0; i < 20; ++i) {
      REQUIRE(camera.next(frame));
      CHECK(frame.file == numbered_jpeg(i));
      CHECK(frame.name == "frame " + std::to_string(i));
    }
    CHECK(kernel.queued == 4 + 20);
    CHECK(kernel.poll_waits.back() > 5000);
  }
  CHECK(!kernel.streaming);
  CHECK(kernel.mapped == 0);
  CHECK(!kernel.is_open);
  CHECK(kernel.interrupted > 20);  // all handled
}

TEST_CASE("the nearest size and rate are chosen") {
  struct Case {
    int width, height;
    double fps;
    std::string text;
  };
  for (const Case& asked :
       {Case{1300, 700, 25, "MJPG 1280x720 at 30/s"}, Case{100, 100, 1000, "MJPG 640x480 at 60/s"},
        Case{0, 1080, 0, "MJPG 1920x1080 at 30/s"}, Case{99999, 0, 0, "MJPG 1920x1080 at 30/s"},
        Case{640, 480, 29.97, "MJPG 640x480 at 30/s"}}) {
    FakeV4l2 kernel;
    const V4l2Camera camera(options(asked.width, asked.height, asked.fps), kernel);
    CHECK(contains(camera.text(), asked.text));
  }
  FakeV4l2 kernel;
  kernel.stepwise = true;
  const V4l2Camera camera(options(1000, 1000), kernel);
  CHECK(contains(camera.text(), "MJPG 992x1000"));
}

TEST_CASE("a camera without JPEG delivers YUYV, row by row") {
  FakeV4l2 kernel;
  kernel.formats = {{V4L2_PIX_FMT_NV12, {{640, 480, {30}}}}, {V4L2_PIX_FMT_YUYV, {{4, 2, {30}}}}};
  kernel.extra_stride = 6;
  // White and black above, grey below; the end of the last row is not sent.
  test::Bytes bytes(2 * 14 - 6, std::byte{0xEE});
  const int rows[2][8] = {{235, 128, 16, 128, 235, 128, 16, 128},
                          {126, 128, 126, 128, 126, 128, 126, 128}};
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 8; ++x) bytes[y * 14 + x] = std::byte(rows[y][x]);
  kernel.frames.push_back(filled(bytes));
  bytes.pop_back();
  kernel.frames.push_back(filled(bytes));
  V4l2Camera camera(options(4, 2), kernel);
  CHECK(contains(camera.text(), "YUYV 4x2"));
  Frame frame;
  REQUIRE(camera.next(frame));
  CHECK(frame.file.empty());
  CHECK(frame.image.width == 4);
  CHECK(frame.image.height == 2);
  CHECK(frame.image.channels == 3);
  std::vector<std::uint8_t> expected;
  for (const int level : {255, 0, 255, 0, 128, 128, 128, 128})
    for (int c = 0; c < 3; ++c) expected.push_back(static_cast<std::uint8_t>(level));
  CHECK(frame.image.pixels == expected);
  CHECK_THROWS_AS(camera.next(frame), BadFrame);
}

TEST_CASE("broken buffers are bad frames, and the next ones are delivered") {
  FakeV4l2 kernel;
  const test::Bytes jpeg = numbered_jpeg(3);
  FakeV4l2::Filled marked = filled(jpeg), nothing = filled({}), overlong = filled(jpeg);
  marked.flags = V4L2_BUF_FLAG_ERROR;
  overlong.claims = 4097;
  kernel.frames = {marked,
                   filled(jpeg),
                   nothing,
                   overlong,
                   filled({std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}),
                   filled(jpeg)};
  V4l2Camera camera(options(), kernel);
  Frame frame;
  CHECK_THROWS_AS(camera.next(frame), BadFrame);
  CHECK(camera.next(frame));
  for (int i = 0; i < 3; ++i) CHECK_THROWS_AS(camera.next(frame), BadFrame);
  CHECK(camera.next(frame));
  CHECK(frame.file == jpeg);
  CHECK(kernel.queued == 4 + 6);
}

TEST_CASE("errors at the start name the cause and the remedy, and leave nothing open") {
  struct Case {
    std::function<void(FakeV4l2&)> break_it;
    const char* line;
  };
  const std::vector<Case> cases = {
      {[](auto& k) { k.path = "/dev/video1"; },
       "no such device; there are /dev/video0, /dev/video1"},
      {[](auto& k) { k.path = "", k.nodes.clear(); }, "no other /dev/video*"},
      {[](auto& k) { k.open_fails = EACCES; }, "add this user to the group video"},
      {[](auto& k) { k.open_fails = EBUSY; }, "in use by another program"},
      {[](auto& k) { k.open_fails = ENXIO; }, "the camera is gone"},
      {[](auto& k) { k.open_fails = EMFILE; }, "cannot open it: Too many open files"},
      {[](auto& k) { k.fails[VIDIOC_QUERYCAP] = ENOTTY; }, "this is not a V4L2 camera"},
      {[](auto& k) { k.device_caps = V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING; },
       "delivers no pictures on this device node: a camera has several, try another of "
       "/dev/video0, "
       "/dev/video1"},
      {[](auto& k) { k.formats.clear(); }, "offers no format, but only MJPG and YUYV"},
      {[](auto& k) {
         k.formats = {{v4l2_fourcc('R', 'G', '1', '0'), {}}};
       },
       "offers RG10, but only MJPG and YUYV can be read; for a camera on a Jetson's CSI connector "
       "use csi://0"},
      {[](auto& k) { k.fails[VIDIOC_S_FMT] = EBUSY; }, "in use by another program"},
      {[](auto& k) { k.lies_format = V4L2_PIX_FMT_H264; }, "set 640 x 480 H264 instead of MJPG"},
      {[](auto& k) { k.fails[VIDIOC_REQBUFS] = EINVAL; }, "cannot get buffers: Invalid argument"},
      {[](auto& k) { k.mmap_fails = ENOMEM; }, "cannot map a buffer: Cannot allocate memory"},
      {[](auto& k) { k.fails[VIDIOC_QBUF] = EIO; }, "cannot queue a buffer"},
      {[](auto& k) { k.fails[VIDIOC_STREAMON] = ENOSPC; }, "not enough USB bandwidth"}};
  for (const Case& wrong : cases) {
    FakeV4l2 kernel;
    wrong.break_it(kernel);
    const std::string line = error_of([&] { const V4l2Camera camera(options(), kernel); });
    CAPTURE(line);
    CHECK(contains(line, wrong.line));
    CHECK(line.starts_with("/dev/video0: "));
    CHECK(!kernel.is_open);
    CHECK(kernel.mapped == 0);
  }
}

TEST_CASE("a driver without rates and without lists of sizes works") {
  FakeV4l2 kernel;
  for (const auto call : {VIDIOC_G_PARM, VIDIOC_ENUM_FRAMESIZES, VIDIOC_ENUM_FRAMEINTERVALS})
    kernel.fails[call] = ENOTTY;
  kernel.frames.push_back(filled(numbered_jpeg(1)));
  V4l2Camera camera(options(800, 600, 10), kernel);
  CHECK(camera.text() == "v4l2:///dev/video0, MJPG 800x600");
  Frame frame;
  CHECK(camera.next(frame));
}

TEST_CASE("unplugged, silent or inconsistent: an error, so that it is reopened") {
  struct Case {
    std::function<void(FakeV4l2&)> break_it;
    const char* line;
  };
  FakeV4l2::Filled foreign = filled(numbered_jpeg(1));
  foreign.index = 4;
  const std::vector<Case> cases = {
      {[](auto& k) { k.fails[VIDIOC_DQBUF] = ENODEV; }, "was it unplugged?"},
      {[](auto& k) { k.fails[VIDIOC_DQBUF] = EIO; }, "cannot take a picture: Input/output error"},
      {[](auto& k) { k.fails[VIDIOC_QBUF] = ENODEV; }, "was it unplugged?"},
      {[](auto& k) { k.poll_results = {0}; }, "no picture for 10 s"},
      {[](auto& k) { k.poll_results = {-ENOMEM}; }, "cannot wait for it"},
      {[](auto& k) { k.poll_results = {POLLERR}, k.fails[VIDIOC_DQBUF] = EAGAIN; },
       "cannot take a picture"},
      {[&](auto& k) { k.frames = {foreign}; }, "a buffer that was never queued"}};
  for (const Case& wrong : cases) {
    FakeV4l2 kernel;
    V4l2Camera camera(options(), kernel);
    kernel.frames.push_back(filled(numbered_jpeg(1)));
    wrong.break_it(kernel);
    Frame frame;
    const std::string line = error_of([&] { camera.next(frame); });
    CAPTURE(line);
    CHECK(contains(line, wrong.line));
  }
}

TEST_CASE("spurious wakeups and interrupts are ignored") {
  FakeV4l2 kernel;
  V4l2Camera camera(options(), kernel);
  kernel.poll_results = {-EINTR, POLLIN, POLLIN};
  kernel.fails_once = {{VIDIOC_DQBUF, EAGAIN}};
  kernel.frames.push_back(filled(numbered_jpeg(1)));
  Frame frame;
  CHECK(camera.next(frame));
}

TEST_CASE("a blocked camera can be stopped") {
  FakeV4l2 kernel;
  V4l2Camera camera(options(), kernel);
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    camera.stop();
  });
  Frame frame;
  CHECK(!camera.next(frame));
  stopper.join();
  CHECK(!camera.next(frame));
}

TEST_CASE("a camera that is unplugged and plugged in again is reopened") {
  FakeV4l2 kernel;
  kernel.frames.push_back(filled(numbered_jpeg(1)));
  kernel.fails_once = {{VIDIOC_DQBUF, EAGAIN}};
  int opened = 0;
  FrameFeed feed(
      [&] {
        if (++opened == 2) kernel.fails.clear();
        if (opened == 2) kernel.frames = {filled(numbered_jpeg(2))};
        auto camera = std::make_unique<V4l2Camera>(options(), kernel);
        if (opened == 1) kernel.fails[VIDIOC_DQBUF] = ENODEV;
        return camera;
      },
      [](const std::string&) {}, {std::chrono::milliseconds(1), std::chrono::milliseconds(1)});
  Frame frame;
  REQUIRE(feed.next(frame));
  CHECK(frame.file == numbered_jpeg(2));
  CHECK(feed.stats().reopened == 1);
}

TEST_CASE("cameras are listed with their capabilities") {
  FakeV4l2 kernel;
  const std::vector<V4l2Info> list = list_v4l2_cameras(kernel);
  REQUIRE(list.size() == 2);
  CHECK(list[0].path == "/dev/video0");
  CHECK(list[0].card == "Fake? Cam");
  CHECK(list[0].driver == "fakevideo");
  CHECK(list[0].camera);
  CHECK(list[0].error.empty());
  REQUIRE(list[0].formats.size() == 2);
  CHECK(list[0].formats[0].name == "YUYV");
  const V4l2Format& mjpg = list[0].formats[1];
  CHECK(mjpg.name == "MJPG");
  CHECK(mjpg.usable);
  REQUIRE(mjpg.sizes.size() == 3);
  CHECK(mjpg.sizes[0].width == 1920);
  CHECK(mjpg.sizes[1].height == 720);
  CHECK(mjpg.sizes[2].rates == std::vector<double>{60, 30});
  CHECK(contains(list[1].error, "/dev/video1: no such device"));
  CHECK(!list[1].camera);
  CHECK(!kernel.is_open);

  kernel.stepwise = true;
  kernel.device_caps = V4L2_CAP_META_CAPTURE;
  CHECK(list_v4l2_cameras(kernel)[0].formats.empty());
  kernel.capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;  // an old driver
  const std::vector<V4l2Info> old = list_v4l2_cameras(kernel);
  REQUIRE(old[0].formats.size() == 2);
  CHECK(old[0].formats[0].sizes.size() == 2);
  CHECK(old[0].formats[0].sizes[0].width == 2048);
  list_v4l2_cameras();  // of this machine: must not throw
}

}  // namespace
}  // namespace quantring
