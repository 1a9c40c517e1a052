#include "apps/camera/camera_commands.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <vector>

#include "ops/base/error.h"
#include "ops/base/password.h"

namespace quantring::apps {
namespace {

using Arguments = std::vector<std::string>;

// High quality, and every frame exactly once. Frames get new timestamps because the encoder rejects
// equal ones. (ffmpeg 4.4 has only -vsync.)
const Arguments ffmpeg_output = {"-map",
                                 "0:v:0",
                                 "-vf",
                                 "settb=1/1000,setpts=40*N",
                                 "-enc_time_base",
                                 "1:1000",
                                 "-vsync",
                                 "passthrough",
                                 "-c:v",
                                 "mjpeg",
                                 "-q:v",
                                 "2",
                                 "-f",
                                 "mjpeg",
                                 "pipe:1"};

// Not standard output: some of NVIDIA's elements print to it.
const Arguments gst_output = {"!", "fdsink", "fd=3"};

Arguments joined(std::initializer_list<Arguments> parts) {
  Arguments all;
  for (const Arguments& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

ChildCommand ffmpeg(const VideoPrograms& programs, const Arguments& input) {
  const Arguments start = {programs.ffmpeg, "-nostdin", "-v", "error"};
  return {joined({start, input, ffmpeg_output}), ChildProcess::Output::standard};
}

// elements: words as a shell would split them.
ChildCommand gstreamer(const VideoPrograms& programs, const Arguments& elements) {
  return {joined({{programs.gstreamer, "-q"}, elements, gst_output}), ChildProcess::Output::third};
}

// Encodes decoded frames, which on a Jetson are in device memory, as JPEG.
Arguments gst_encode(const VideoPrograms& programs) {
  if (programs.jetson)
    return {"!", "nvvidconv", "!", "video/x-raw,format=I420", "!", "jpegenc", "quality=90"};
  return {"!", "videoconvert", "!", "jpegenc", "quality=95"};
}

void require_program(const VideoPrograms& programs, const std::string& what) {
  if (programs.ffmpeg.empty() && programs.gstreamer.empty())
    throw Error(fmt::format(
        "{} needs ffmpeg or gst-launch-1.0, and neither is in PATH: apt-get install ffmpeg, or "
        "gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-libav",
        what));
}

}  // namespace

VideoPrograms find_video_programs() {
  constexpr const char* converter = "/usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgstnvvidconv.so";
  std::error_code ignored;
  return {.ffmpeg = find_program("ffmpeg").value_or(""),
          .gstreamer = find_program("gst-launch-1.0").value_or(""),
          .jetson = std::filesystem::exists(converter, ignored)};
}

ChildCommand video_command(const std::string& path, const VideoPrograms& programs) {
  require_program(programs, "a video");
  // With "file:" the name cannot be an option or another protocol of ffmpeg.
  if (!programs.ffmpeg.empty()) return ffmpeg(programs, {"-i", "file:" + path});
  return gstreamer(programs, joined({{"filesrc", gst_property("location", path), "!", "decodebin"},
                                     gst_encode(programs)}));
}

ChildCommand rtsp_command(const std::string& uri, const VideoPrograms& programs) {
  require_program(programs, "rtsp://");
  // Only GStreamer decodes in hardware on a Jetson.
  const bool through_gst = programs.jetson && !programs.gstreamer.empty();
  if (!programs.ffmpeg.empty() && !through_gst)
    return ffmpeg(programs, {"-rtsp_transport", "tcp", "-i", uri});
  return gstreamer(programs, joined({{"rtspsrc", gst_property("location", uri), "latency=200", "!",
                                      "application/x-rtp,media=video", "!", "decodebin"},
                                     gst_encode(programs)}));
}

ChildCommand web_video_command(const std::string& url, const VideoPrograms& programs) {
  if (programs.ffmpeg.empty())
    throw Error(
        fmt::format("{}: a video or HLS stream over HTTP needs ffmpeg, which is not in PATH: "
                    "apt-get install ffmpeg",
                    without_password(url)));
  return ffmpeg(programs, {"-re", "-i", url});
}

ChildCommand csi_command(int sensor, int width, int height, double fps,
                         const VideoPrograms& programs) {
  if (programs.gstreamer.empty() || !programs.jetson)
    throw Error(fmt::format(
        "csi:// needs {}: on a Jetson apt-get install gstreamer1.0-tools nvidia-l4t-gstreamer; {}",
        programs.gstreamer.empty()
            ? "GStreamer with NVIDIA's elements, and gst-launch-1.0 is not in PATH"
            : "NVIDIA's elements of GStreamer, and they are not installed",
        raspberry_pi_remedy));
  std::string caps = "video/x-raw(memory:NVMM)";
  if (width > 0) caps += fmt::format(",width={}", width);
  if (height > 0) caps += fmt::format(",height={}", height);
  if (fps > 0) caps += fmt::format(",framerate={}/1000", std::lround(fps * 1000));
  return gstreamer(programs, {"nvarguscamerasrc", fmt::format("sensor-id={}", sensor), "!", caps,
                              "!", "nvvidconv", "!", "video/x-raw(memory:NVMM),format=I420", "!",
                              "nvjpegenc", "quality=90"});
}

std::string gst_property(const std::string& name, const std::string& value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return fmt::format("{}=\"{}\"", name, quoted);
}

}  // namespace quantring::apps
