// Videos, RTSP and Jetson cameras through ffmpeg and GStreamer, where they are installed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/camera/camera_commands.h"
#include "engine/camera/mjpeg_source.h"
#include "tests/apps/camera/open_camera_support.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring::apps {
namespace {

using namespace quantring::test;

// Each installed program alone; prints "SKIPPED" if there is none.
std::vector<VideoPrograms> installed_programs() {
  const VideoPrograms both = find_video_programs();
  std::vector<VideoPrograms> each;
  if (!both.ffmpeg.empty()) each.push_back({.ffmpeg = both.ffmpeg, .gstreamer = {}});
  if (!both.gstreamer.empty()) each.push_back({.ffmpeg = {}, .gstreamer = both.gstreamer});
  if (each.empty()) std::printf("SKIPPED: neither ffmpeg nor gst-launch-1.0 is installed\n");
  return each;
}

// Makes a clip of `count` numbered pictures with ffmpeg. times: a filter that sets timestamps.
bool make_clip(const TempFolder& folder, const std::string& path, int count,
               const std::string& times, const std::vector<std::string>& codec) {
  const auto ffmpeg = find_program("ffmpeg");
  if (!ffmpeg) {
    std::printf("SKIPPED: making the clip needs ffmpeg, which is not installed\n");
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

TEST_CASE("either program delivers every frame of a video in order") {
  const TempFolder folder;
  const std::string steady = folder / "steady.mkv";
  // Irregular timestamps: no frame may be duplicated or dropped.
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
  // Opened by URI; a clip with B-frames.
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

TEST_CASE("a file name cannot become an option or a pipeline element") {
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

TEST_CASE("a broken video gives a one-line error with the program's message") {
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
  const std::string raspberry_pi = "rpicam-vid -t 0 --codec mjpeg -o - | quantring camera -";
  for (const VideoPrograms& programs :
       {VideoPrograms{}, VideoPrograms{.ffmpeg = {}, .gstreamer = "/usr/bin/gst-launch-1.0"}})
    CHECK(contains(error_of([&] { csi_command(0, 0, 0, 0, programs); }), raspberry_pi));
}

TEST_CASE("the error for an unreachable RTSP camera hides the password") {
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
  CHECK(contains(line, "rtsp://me:...@127.0.0.1:1/x: "));
  CHECK(!contains(line, "secret"));
}

// A stand-in for ffmpeg that fails with its last argument but one, as ffmpeg does with a URL.
TEST_CASE("no message of a program shows a password") {
  const TempFolder folder;
  const std::string program =
      folder.write("ffmpeg",
                   "#!/bin/sh\nfor a; do case $a in *://*) u=$a;; esac; done\n"
                   "echo \"[tcp @ 0x1] ${u#*://} of $u: port ${u##*:} refused; tokens "
                   "https://x/seg.ts?token=secret\" >&2\nexit 1\n");
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (folder.path().string() + ":" + path).c_str(), 1);
  for (const char* uri : {"rtsp://u:secret@cam/1", "rtsp://u:my@secret@cam:554/1",
                          "rtsp://u:my%40secret@cam/1", "https://u:my@secret@cam/live.m3u8",
                          "http://cam/live.m3u8?token=secret", "rtsp://secret@cam/1"}) {
    const std::string line = error_of([&] { open(uri)->start(); });
    CAPTURE(line);
    CHECK(contains(line, "ffmpeg: [tcp @ 0x1]"));
    CHECK(!contains(line, "secret"));
  }
  ::setenv("PATH", path.c_str(), 1);
}

TEST_CASE("HLS and videos over HTTP go through ffmpeg, at their own rate") {
  const VideoPrograms programs{.ffmpeg = "/usr/bin/ffmpeg", .gstreamer = {}};
  const auto arguments = web_video_command("https://h/live.m3u8", programs).arguments;
  CHECK(std::count(arguments.begin(), arguments.end(), "-re") == 1);
  CHECK(std::count(arguments.begin(), arguments.end(), "https://h/live.m3u8") == 1);
  CHECK(contains(error_of([] { web_video_command("http://u:secret@h/live.m3u8", {}); }),
                 "http://u:...@h/live.m3u8: a video or HLS stream over HTTP needs ffmpeg"));
}

TEST_CASE("the command line for a Jetson's camera") {
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
