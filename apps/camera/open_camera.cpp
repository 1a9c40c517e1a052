#include "apps/camera/open_camera.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "apps/camera/camera_commands.h"
#include "apps/camera/http_source.h"
#include "engine/camera/child_reader.h"
#include "engine/camera/descriptor_reader.h"
#include "engine/camera/file_frames.h"
#include "engine/camera/mjpeg_source.h"
#include "engine/camera/v4l2_camera.h"
#include "net/http/http_url.h"

namespace quantring::apps {
namespace {

// Cameras on a slow network take seconds to start.
constexpr std::chrono::seconds live_timeout{15};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::unique_ptr<FrameSource> open_standard_input() {
  constexpr const char* name = "standard input";
  if (::isatty(STDIN_FILENO) != 0)
    throw Error(
        "-: standard input is a terminal: pipe MJPEG into it, for example ffmpeg -re -i FILE -f "
        "mjpeg - | quantring camera -");
  return std::make_unique<MjpegSource>(
      std::make_unique<DescriptorReader>(STDIN_FILENO, DescriptorReader::Owned::no, name),
      MjpegOptions{.name = name, .text = "standard input, MJPEG"});
}

std::unique_ptr<FrameSource> open_mjpeg_file(const std::string& path) {
  return std::make_unique<MjpegSource>(
      open_file_reader(path),
      MjpegOptions{.name = path, .text = path + ", MJPEG", .live = false, .wait_in_start = true});
}

bool is_video_by_name(const std::string& extension) {
  constexpr std::array known = {".mp4",  ".m4v",  ".mkv",  ".webm", ".avi", ".mov", ".mpg",
                                ".mpeg", ".ts",   ".m2ts", ".wmv",  ".flv", ".3gp", ".ogv",
                                ".h264", ".h265", ".hevc", ".264",  ".265", ".gif"};
  return std::find(known.begin(), known.end(), extension) != known.end();
}

std::unique_ptr<FrameSource> open_video(const std::string& path) {
  // A clearer error than that of the program.
  if (const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC); file >= 0) {
    ::close(file);
  } else {
    throw Error(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  const ChildCommand command = video_command(path, find_video_programs());
  return std::make_unique<MjpegSource>(
      std::make_unique<ChildReader>(command, ChildReaderOptions{.name = path}),
      MjpegOptions{.name = path, .text = path + ", video", .live = false, .wait_in_start = true});
}

std::unique_ptr<FrameSource> open_live_program(const ChildCommand& command,
                                               ChildReaderOptions options) {
  options.endless = true;
  options.patience = live_timeout;
  const std::string name = options.name;
  const std::string program = std::filesystem::path(command.arguments[0]).filename().string();
  return std::make_unique<MjpegSource>(std::make_unique<ChildReader>(command, std::move(options)),
                                       MjpegOptions{.name = name,
                                                    .text = name + ", through " + program,
                                                    .live = true,
                                                    .wait_in_start = true});
}

std::unique_ptr<FrameSource> open_rtsp(const std::string& uri) {
  const std::string name = net::without_password(uri);
  if (std::any_of(uri.begin(), uri.end(), [](char c) { return c <= ' ' || c > '~'; }))
    throw OptionError(
        fmt::format("{}: a URI has no spaces and only ASCII characters: escape others, such as a "
                    "space as %20",
                    name));
  // Programs repeat the URI in their errors, whole or without the scheme.
  ChildReaderOptions options{
      .name = name, .remedy = "check host, path, user and password, and that the camera is on"};
  const std::size_t begin = uri.find("://") + 3;
  options.hide = {{uri, name}, {uri.substr(begin), name.substr(begin)}};
  if (const std::size_t at = uri.rfind('@'); at != std::string::npos && at > begin)
    options.hide.push_back(
        {uri.substr(begin, at - begin), name.substr(begin, name.find('@') - begin)});
  return open_live_program(rtsp_command(uri, find_video_programs()), std::move(options));
}

std::unique_ptr<FrameSource> open_csi(const std::string& number, const CameraOptions& options) {
  int sensor = -1;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, sensor);
  if (error != std::errc{} || stop != end || sensor < 0 || sensor > 63)
    throw OptionError(fmt::format("{}: write csi://0 for the first camera connector", options.uri));
  return open_live_program(
      csi_command(sensor, options.width, options.height, options.fps, find_video_programs()),
      {.name = options.uri,
       .remedy =
           "this needs a Jetson with nvidia-l4t-gstreamer and no other user of the camera (sudo "
           "systemctl restart nvargus-daemon)"});
}

bool is_raw_mjpeg_by_name(const std::string& extension) {
  return extension == ".mjpeg" || extension == ".mjpg";
}

std::unique_ptr<FrameSource> open_v4l2(const std::string& path, const CameraOptions& options) {
  if (!path.starts_with('/'))
    throw OptionError(fmt::format("{}: add the device: v4l2:///dev/video0", options.uri));
  return std::make_unique<V4l2Camera>(V4l2Options{.path = path,
                                                  .width = options.width,
                                                  .height = options.height,
                                                  .fps = options.fps,
                                                  .channels = options.channels});
}

}  // namespace

std::unique_ptr<FrameSource> open_camera(const CameraOptions& options) {
  const std::string& uri = options.uri;
  const std::size_t colon = uri.find("://");
  const bool has_scheme = colon != std::string::npos;
  const std::string scheme = lower(uri.substr(0, has_scheme ? colon : 0));
  const std::string rest = has_scheme ? uri.substr(colon + 3) : uri;
  std::error_code ignored;
  const bool device = !has_scheme && (uri.starts_with("/dev/video") ||
                                      std::filesystem::is_character_file(uri, ignored));
  const bool file = uri != "-" && !device && (!has_scheme || scheme == "file");
  const std::string extension =
      file ? lower(std::filesystem::path(rest).extension().string()) : std::string();
  const bool video = is_video_by_name(extension), raw_mjpeg = is_raw_mjpeg_by_name(extension);
  if (file && !video && !raw_mjpeg) {
    std::vector<std::string> files{rest};
    files.insert(files.end(), options.more.begin(), options.more.end());
    return std::make_unique<FileFrames>(
        files, SourceOptions{.channels = options.channels, .labels_file = options.labels_file});
  }
  if (!options.more.empty())
    throw OptionError(
        fmt::format("{}: of cameras, streams and videos one at a time; several sources are for "
                    "pictures: leave out {}",
                    without_password(uri), without_password(options.more.front())));
  if (!options.labels_file.empty())
    throw OptionError(
        fmt::format("{}: --labels is for pictures from files, and this is not one: leave "
                    "out {}",
                    net::without_password(uri), options.labels_file));
  if (video) return open_video(rest);
  if (raw_mjpeg) return open_mjpeg_file(rest);
  if (uri == "-") return open_standard_input();
  if (device || scheme == "v4l2") return open_v4l2(rest, options);
  if (scheme == "csi") return open_csi(rest, options);
  if (scheme == "rtsp") return open_rtsp(uri);
  if (scheme == "http" || scheme == "https") return std::make_unique<HttpSource>(uri);
  throw OptionError(fmt::format("{}: unknown scheme '{}': use v4l2, csi, rtsp, http or file",
                                net::without_password(uri), scheme));
}

}  // namespace quantring::apps
