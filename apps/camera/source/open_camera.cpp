#include "apps/camera/source/open_camera.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "apps/camera/camera_commands.h"
#include "apps/camera/source/http_source.h"
#include "apps/camera/source/program_source.h"
#include "engine/camera/child_reader.h"
#include "engine/camera/descriptor_reader.h"
#include "engine/camera/file_frames.h"
#include "engine/camera/mjpeg_source.h"
#include "engine/camera/v4l2/v4l2_camera.h"
#include "ops/base/lower_case.h"
#include "ops/base/password.h"

namespace quantring::apps {
namespace {

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

// A playlist (HLS, DASH) or a video file on a web server.
bool is_web_video_by_name(const std::string& url) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  const std::string extension = lower_case(std::filesystem::path(path).extension().string());
  return extension == ".m3u8" || extension == ".mpd" || is_video_by_name(extension);
}

bool is_raw_mjpeg_by_name(const std::string& extension) {
  return extension == ".mjpeg" || extension == ".mjpg";
}

// "0" is how other programs name the first camera.
bool is_camera_number(const std::string& text) {
  return !text.empty() && text.size() <= 3 && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
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

// "rtsp:/cam/1", "me:secret@cam/1"
bool is_malformed_uri(const std::string& text) {
  constexpr std::array schemes = {"http", "https", "rtsp", "rtsps", "rtmp"};
  const std::string scheme = lower_case(text.substr(0, text.find_first_of(":/")));
  const bool cut = std::find(schemes.begin(), schemes.end(), scheme) != schemes.end() &&
                   scheme.size() < text.size();
  const bool pattern = text.find_first_of("*[") != std::string::npos;
  return cut || (without_password(text) != text && !pattern);
}

}  // namespace

std::unique_ptr<FrameSource> open_camera(const CameraOptions& options) {
  const std::string& uri = options.uri;
  const std::size_t colon = std::min(uri.find(':'), uri.size());
  const bool has_scheme = uri.compare(colon, 3, "://") == 0;
  const std::string scheme = lower_case(uri.substr(0, has_scheme ? colon : 0));
  const std::string rest = has_scheme ? uri.substr(colon + 3) : uri;
  std::error_code ignored;
  const bool exists = std::filesystem::exists(uri, ignored);
  const bool number = is_camera_number(rest) && (has_scheme ? scheme == "v4l2" : !exists);
  const bool device = !has_scheme && (number || uri.starts_with("/dev/video") ||
                                      std::filesystem::is_character_file(uri, ignored));
  const bool file = uri != "-" && !device && (!has_scheme || scheme == "file");
  if (file && !has_scheme && !exists && is_malformed_uri(uri))
    throw OptionError(
        fmt::format("{}: neither a file nor a URI, which has :// behind its scheme, such as "
                    "rtsp://USER:PASSWORD@HOST/PATH{}",
                    without_password(uri), password_hint(uri)));
  const std::string extension =
      file ? lower_case(std::filesystem::path(rest).extension().string()) : std::string();
  const bool video = is_video_by_name(extension), raw_mjpeg = is_raw_mjpeg_by_name(extension);
  if (file && !video && !raw_mjpeg) {
    std::vector<std::string> files{rest};
    files.insert(files.end(), options.more.begin(), options.more.end());
    return std::make_unique<FileFrames>(files, SourceOptions{.channels = options.channels,
                                                             .labels_file = options.labels_file,
                                                             .check = options.check});
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
                    without_password(uri), options.labels_file));
  if (video) return open_video(rest);
  if (raw_mjpeg) return open_mjpeg_file(rest);
  if (uri == "-") return open_standard_input();
  if (device || scheme == "v4l2") return open_v4l2(number ? "/dev/video" + rest : rest, options);
  if (scheme == "csi") return open_csi(options);
  if (scheme == "rtsp") return open_rtsp(uri);
  const bool web = scheme == "http" || scheme == "https";
  if (web && is_web_video_by_name(rest)) return open_web_video(uri);
  if (web) return std::make_unique<HttpSource>(uri);
  throw OptionError(fmt::format(
      "{}: unknown scheme '{}': use v4l2, csi, rtsp, http or file; what else ffmpeg can "
      "read: ffmpeg -i URL -f mjpeg -q:v 3 - | quantring camera -",
      without_password(uri), scheme));
}

}  // namespace quantring::apps
