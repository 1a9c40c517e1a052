// Sources by URI, with real files, servers and, where they are installed, ffmpeg and GStreamer.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "apps/camera/camera_commands.h"
#include "apps/camera/http_source.h"
#include "apps/camera/open_camera.h"
#include "engine/camera/frame_feed.h"
#include "engine/camera/mjpeg_source.h"
#include "engine/image/image.h"
#include "ops/base/error.h"
#include "tests/support/temp_folder.h"
#include "tests/support/http_camera.h"
#include "tests/support/jpeg.h"
#include "tests/support/process.h"
#include "tests/support/texts.h"

namespace quantring::apps {
namespace {

using test::contains;
using test::error_of;

using std::chrono::milliseconds;
using test::HttpCamera;
using test::numbered_jpeg;

std::unique_ptr<FrameSource> open(const std::string& uri, const std::string& labels = "") {
  CameraOptions options;
  options.uri = uri;
  options.labels_file = labels;
  return open_camera(options);
}

bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 4000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(5));
  return condition();
}

std::string text_of(const test::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

int number_of(const Frame& frame) {
  const Image image = decode_image(frame.file, 1, frame.name);
  return test::read_number(image.pixels.data(), image.width, image.height, 1);
}

// The numbers of all pictures to the end.
std::vector<int> numbers(FrameSource& source) {
  std::vector<int> all;
  Frame frame;
  while (source.next(frame)) all.push_back(number_of(frame));
  return all;
}

std::vector<int> count_to(int end) {
  std::vector<int> all;
  for (int i = 0; i < end; ++i) all.push_back(i);
  return all;
}

TEST_CASE("what is no source is refused with what there is") {
  CHECK(contains(error_of([] { open("gopher://cam/"); }),
                 "'gopher' is no scheme of a source: there are v4l2, csi, rtsp, http, file"));
  CHECK(!contains(error_of([] { open("ftp://me:secret@cam/"); }), "secret"));
  CHECK(contains(error_of([] { open("https://cam/x.mjpg"); }), "https is not supported"));
  CHECK(contains(error_of([] { open("/no/such/picture.jpg"); }), "/no/such/picture.jpg"));
  CHECK(contains(error_of([] { open("file:///no/such/video.mp4"); }),
                 "/no/such/video.mp4: cannot be opened: No such file or directory"));
  CHECK(contains(error_of([] { open("/no/such/video.mjpeg"); }), "cannot be opened"));
  for (const char* wrong : {"csi://", "csi://x", "csi://0x", "csi://-1", "csi://0 ! filesink"})
    CHECK(contains(error_of([&] { open(wrong); }), "write csi://0"));
  for (const char* other : {"-", "csi://0", "http://cam/", "/dev/video0", "x.mp4", "x.mjpeg"})
    CHECK(contains(error_of([&] { open(other, "labels.csv"); }), "labels go with pictures"));
  CHECK(contains(error_of([] { open("v4l2://0"); }), "v4l2:///dev/video0"));
  for (const char* gone : {"/dev/video987", "v4l2:///dev/video987", "V4L2:///dev/none"})
    CHECK(contains(error_of([&] { open(gone); }), "no such device"));
  CHECK(contains(error_of([] { open("/dev/null"); }), "/dev/null: this is no camera"));
  CHECK(contains(error_of([] { open("rtsp://me:secret@cam/a b"); }), "rtsp://me@cam/a b: a URI"));
}

TEST_CASE("files come as their bytes, with their labels, and a missing one is passed over") {
  const TempFolder folder;
  for (int i = 0; i < 3; ++i) folder.write("p/" + std::to_string(i) + ".jpg", numbered_jpeg(i));
  const std::string labels = folder.write("labels.csv", "file,class_index\n0.jpg,7\n2.jpg,9\n");
  for (const std::string& uri : {folder / "p", "file://" + (folder / "p"), folder / "p/*.jpg"}) {
    const auto source = open(uri, labels);
    CHECK(!source->live());
    CHECK(contains(source->text(), "3 pictures"));
    std::filesystem::rename(folder / "p/1.jpg", folder / "gone.jpg");
    Frame frame;
    REQUIRE(source->next(frame));
    CHECK(frame.name == folder / "p/0.jpg");
    CHECK(frame.label == 7);
    CHECK(frame.file == numbered_jpeg(0));
    CHECK_THROWS_AS(source->next(frame), BadFrame);
    REQUIRE(source->next(frame));
    CHECK(frame.label == 9);
    CHECK(number_of(frame) == 2);
    CHECK(!source->next(frame));
    std::filesystem::rename(folder / "gone.jpg", folder / "p/1.jpg");
  }
}

TEST_CASE("an IDX file comes as pixels") {
  const TempFolder folder;
  std::string idx("\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\2abcd", 20);
  const auto source = open(folder.write("x-images-idx3-ubyte", idx));
  Frame frame;
  REQUIRE(source->next(frame));
  CHECK(frame.file.empty());
  CHECK(frame.image.channels == 3);
  CHECK(frame.image.pixels == std::vector<std::uint8_t>{'a', 'a', 'a', 'b', 'b', 'b'});
  source->stop();
  CHECK(!source->next(frame));
}

TEST_CASE("a raw MJPEG file gives every picture") {
  const TempFolder folder;
  std::string stream;
  for (int i = 0; i < 50; ++i) stream += text_of(numbered_jpeg(i));
  const auto source = open(folder.write("clip.mjpeg", stream));
  source->start();
  CHECK(!source->live());
  CHECK(numbers(*source) == count_to(50));
  // Broken at the beginning, and cut off at the end.
  const std::string jpeg = text_of(numbered_jpeg(7));
  const auto broken = open(folder.write(
      "broken.mjpeg", jpeg.substr(0, jpeg.size() - 20) + jpeg + jpeg.substr(0, jpeg.size() - 2)));
  broken->start();
  Frame frame;
  CHECK_THROWS_AS(broken->next(frame), BadFrame);
  CHECK(broken->next(frame));
  CHECK(number_of(frame) == 7);
  CHECK_THROWS_AS(broken->next(frame), BadFrame);
  CHECK(!broken->next(frame));
  const auto nothing = open(folder.write("nothing.MJPG", std::string("no picture")));
  CHECK(contains(error_of([&] { nothing->start(); }), "ended without a JPEG in it"));
}

// Descriptor 0 as the test says.
class StandardInput {
 public:
  StandardInput() : kept_(::dup(STDIN_FILENO)) {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    end_ = ends[1];
  }
  ~StandardInput() {
    close();
    ::dup2(kept_, STDIN_FILENO);
    ::close(kept_);
  }
  void write(const std::string& bytes) const {
    REQUIRE(::write(end_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  void close() {
    if (end_ >= 0) ::close(std::exchange(end_, -1));
  }

 private:
  int kept_, end_ = -1;
};

TEST_CASE("standard input is live MJPEG, ends with it, and can be stopped") {
  StandardInput input;
  const auto source = open("-");
  CHECK(source->live());
  input.write(text_of(numbered_jpeg(1)) + text_of(numbered_jpeg(2)));
  Frame frame;
  REQUIRE(source->next(frame));
  CHECK(number_of(frame) == 1);
  CHECK(frame.name == "frame 0");
  REQUIRE(source->next(frame));
  CHECK(number_of(frame) == 2);
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(30));
    source->stop();
  });
  CHECK(!source->next(frame));
  stopper.join();
  const auto again = open("-");
  input.write(text_of(numbered_jpeg(3)));
  input.close();
  CHECK(numbers(*again) == std::vector<int>{3});
  const auto empty = open("-");
  CHECK_THROWS_WITH_AS(empty->next(frame), "standard input: ended without a JPEG in it", BadFrame);
  CHECK(!empty->next(frame));
}

std::string part(int number) {
  const std::string jpeg = text_of(numbered_jpeg(number));
  return "--b\r\nContent-Type: image/jpeg\r\nContent-Length: " + std::to_string(jpeg.size()) +
         "\r\n\r\n" + jpeg + "\r\n";
}

constexpr const char* multipart_head =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n";

TEST_CASE("a camera's MJPEG over HTTP, and its end is an error") {
  const HttpCamera camera([](const std::string&, const HttpCamera::Peer& peer) {
    peer.send(multipart_head + part(5) + part(6));
  });
  const auto source = open(camera.url("/cam.mjpg", "me:secret@"));
  CHECK(source->live());
  source->start();
  CHECK(contains(source->text(), "http://me@127.0.0.1"));
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

TEST_CASE("a picture by HTTP is fetched again and again, not faster than 10 a second") {
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
  CHECK(contains(source->text(), "image/jpeg again and again"));
  source->stop();
  CHECK(!source->next(frame));
  const auto page = open(camera.url("/page"));
  CHECK(contains(error_of([&] { page->start(); }), "answers with text/html, not with pictures"));
}

TEST_CASE("a camera that dies and comes back is opened anew and counted") {
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

// Both programs, or the one that is installed; nothing and a line "SKIPPED" with none.
std::vector<VideoPrograms> installed_programs() {
  const VideoPrograms both = find_video_programs();
  std::vector<VideoPrograms> each;
  if (!both.ffmpeg.empty()) each.push_back({.ffmpeg = both.ffmpeg, .gstreamer = {}});
  if (!both.gstreamer.empty()) each.push_back({.ffmpeg = {}, .gstreamer = both.gstreamer});
  if (each.empty()) std::printf("SKIPPED: neither ffmpeg nor gst-launch-1.0 is installed\n");
  return each;
}

// A clip of `count` numbered pictures, made by ffmpeg; times: a filter that sets their times.
bool make_clip(const TempFolder& folder, const std::string& path, int count,
               const std::string& times, const std::vector<std::string>& codec) {
  const auto ffmpeg = find_program("ffmpeg");
  if (!ffmpeg) {
    std::printf("SKIPPED: ffmpeg is not installed, which makes the clip\n");
    return false;
  }
  std::string stream;
  for (int i = 0; i < count; ++i) stream += text_of(numbered_jpeg(i, 100));
  std::vector<std::string> arguments = {*ffmpeg,  "-nostdin",
                                        "-v",     "error",
                                        "-f",     "mjpeg",
                                        "-i",     folder.write("in", stream),
                                        "-vf",    "scale=128:128:flags=neighbor," + times,
                                        "-vsync", "passthrough"};
  arguments.insert(arguments.end(), codec.begin(), codec.end());
  arguments.push_back("file:" + path);
  const test::Outcome made = test::run(arguments);
  INFO(made.err);
  REQUIRE(made.status == 0);
  return true;
}

std::unique_ptr<FrameSource> open_video_with(const std::string& path,
                                             const VideoPrograms& programs) {
  return std::make_unique<MjpegSource>(
      std::make_unique<ChildReader>(video_command(path, programs),
                                    ChildReaderOptions{.name = path}),
      MjpegOptions{.name = path, .text = path, .live = false, .wait_in_start = true});
}

TEST_CASE("every frame of a video comes, in order, through either program") {
  const TempFolder folder;
  const std::string steady = folder / "steady.mkv";
  // Times that jump: none may be doubled or left out to make them even.
  const std::string uneven = folder / "uneven.avi.mkv";
  if (!make_clip(folder, steady, 60, "setpts=N/25/TB", {"-c:v", "ffv1"})) return;
  make_clip(folder, uneven, 60, "setpts=(N+30*floor(N/7)+0.9*mod(N\\,2))/25/TB", {"-c:v", "ffv1"});
  for (const VideoPrograms& programs : installed_programs()) {
    CAPTURE(programs.ffmpeg);
    for (const std::string& path : {steady, uneven}) {
      const auto source = open_video_with(path, programs);
      source->start();
      CHECK(numbers(*source) == count_to(60));
    }
  }
  // And as the command opens it; a clip with frames that refer to later ones.
  const std::string mp4 = folder / "clip.MP4";
  if (test::run({*find_program("ffmpeg"), "-v", "error", "-i", steady, "-c:v", "mpeg4", "-bf", "2",
                 "-q:v", "2", mp4})
          .status == 0) {
    const auto source = open("file://" + mp4);
    source->start();
    CHECK(!source->live());
    CHECK(numbers(*source) == count_to(60));
  }
}

TEST_CASE("a name cannot become an option or an element") {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "a");
  const std::string clip = folder / "clip.mkv";
  if (!make_clip(folder, clip, 5, "setpts=N/25/TB", {"-c:v", "ffv1"})) return;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  for (const char* name :
       {"-y.mkv", "a b.mkv", "x ! filesink location=pwned.mkv", "a\" ! filesink location=\"pwned",
        "a\\\" ! fakesink \\", "concat:missing.mkv", "'$(touch pwned)'.mkv", "%03d.mkv", "x\\"}) {
    CAPTURE(name);
    std::filesystem::copy_file(clip, folder / name);
    for (const VideoPrograms& programs : installed_programs()) {
      const auto source = open_video_with(name, programs);
      source->start();
      CHECK(numbers(*source) == count_to(5));
    }
    std::filesystem::remove(folder / name);
  }
  CHECK(!std::filesystem::exists(folder / "pwned"));
  CHECK(!std::filesystem::exists(folder / "pwned.mkv"));
  std::filesystem::current_path(before);
}

TEST_CASE("a video that is none says so in one line, with the program's own words") {
  const TempFolder folder;
  const std::string path = folder.write("broken.mp4", std::string(5000, 'x'));
  for (const VideoPrograms& programs : installed_programs()) {
    const auto source = open_video_with(path, programs);
    const std::string line = error_of([&] { source->start(); });
    CAPTURE(line);
    CHECK(line.starts_with(path + ": "));
    CHECK(contains(line, programs.ffmpeg.empty() ? "gst-launch-1.0: ERROR" : "ffmpeg: "));
    CHECK(contains(line, "exit status"));
    CHECK(!contains(line, "\n"));
  }
  CHECK(contains(error_of([&] { video_command(path, {}); }),
                 "needs ffmpeg or gst-launch-1.0, and neither is in PATH: apt-get install"));
  CHECK(contains(error_of([&] { csi_command(0, 0, 0, 0, {}); }), "gst-launch-1.0 is not in PATH"));
}

TEST_CASE("an RTSP camera that is not there is said without the password") {
  const std::string uri = "rtsp://me:secret@127.0.0.1:1/x";
  for (const VideoPrograms& programs : installed_programs()) {
    ChildCommand command = rtsp_command(uri, programs);
    CHECK(std::count(command.arguments.begin(), command.arguments.end(), "-nostdin") ==
          (programs.ffmpeg.empty() ? 0 : 1));
  }
  if (installed_programs().empty()) return;
  const auto source = open(uri);
  CHECK(source->live());
  CHECK(!contains(source->text(), "secret"));
  const std::string line = error_of([&] { source->start(); });
  CAPTURE(line);
  CHECK(contains(line, "refused"));
  CHECK(contains(line, "rtsp://me@127.0.0.1:1/x: "));
  CHECK(!contains(line, "secret"));
}

TEST_CASE("the command of a Jetson's camera") {
  const VideoPrograms jetson{.ffmpeg = {}, .gstreamer = "/usr/bin/gst-launch-1.0", .jetson = true};
  std::string line;
  for (const auto& argument : csi_command(1, 1280, 720, 29.97, jetson).arguments)
    line += argument + " ";
  CHECK(line ==
        "/usr/bin/gst-launch-1.0 -q nvarguscamerasrc sensor-id=1 ! "
        "video/x-raw(memory:NVMM),width=1280,height=720,framerate=29970/1000 ! nvvidconv ! "
        "video/x-raw(memory:NVMM),format=I420 ! nvjpegenc quality=90 ! fdsink fd=3 ");
  CHECK(csi_command(0, 0, 0, 0, jetson).arguments.at(5) == "video/x-raw(memory:NVMM)");
}

}  // namespace
}  // namespace quantring::apps
