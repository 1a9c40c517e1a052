#include "apps/camera/open_camera.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <string_view>

#include "apps/camera/http_source.h"
#include "engine/camera/descriptor_reader.h"
#include "engine/camera/file_frames.h"
#include "engine/camera/mjpeg_source.h"
#include "net/http/http_url.h"

namespace quantring::apps {
namespace {

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

std::unique_ptr<FrameSource> open_file(const std::string& path, const CameraOptions& options) {
  const std::string extension = lower(std::filesystem::path(path).extension().string());
  if (extension == ".mjpeg" || extension == ".mjpg") return open_mjpeg_file(path);
  return std::make_unique<FileFrames>(path, options.channels, options.labels_file);
}

}  // namespace

std::unique_ptr<FrameSource> open_camera(const CameraOptions& options) {
  const std::string& uri = options.uri;
  if (uri == "-") return open_standard_input();
  const std::size_t colon = uri.find("://");
  if (colon == std::string::npos) return open_file(uri, options);
  const std::string scheme = lower(uri.substr(0, colon));
  const std::string rest = uri.substr(colon + 3);
  if (scheme == "file") return open_file(rest, options);
  if (scheme == "http" || scheme == "https") return std::make_unique<HttpSource>(uri);
  throw Error(
      fmt::format("{}: '{}' is no scheme of a source: there are v4l2, csi, rtsp, http, file",
                  net::without_password(uri), scheme));
}

}  // namespace quantring::apps
