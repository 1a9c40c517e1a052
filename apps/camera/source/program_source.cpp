#include "apps/camera/source/program_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "apps/camera/camera_commands.h"
#include "engine/camera/child_reader.h"
#include "engine/camera/mjpeg_source.h"
#include "net/http/http_url.h"
#include "ops/base/error.h"
#include "ops/base/password.h"

namespace quantring::apps {
namespace {

// Cameras on a slow network take seconds to start.
constexpr std::chrono::seconds live_timeout{15};

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

// What another program must not repeat from a URI that it was given: whole, without the scheme,
// user and password, the password alone.
std::vector<std::pair<std::string, std::string>> secrets_of(const std::string& uri) {
  const std::string shown = without_password(uri);
  std::vector<std::pair<std::string, std::string>> hide = {{uri, shown}};
  const std::size_t begin = uri.find("://") + 3;
  hide.emplace_back(uri.substr(begin), shown.substr(begin));
  const std::size_t at = net::user_end(uri, begin);
  if (at == std::string::npos) return hide;
  const std::string both = uri.substr(begin, at - begin);
  hide.emplace_back(both, "...");
  const std::string password = both.substr(std::min(both.find(':'), both.size() - 1) + 1);
  // Shorter ones would be found in any text.
  for (const std::string& each : {password, net::percent_decode(password)})
    if (each.size() > 2) hide.emplace_back(each, "...");
  return hide;
}

// As programs take it: they would take the first '@' for the end of the password.
std::string checked_uri(const std::string& given) {
  const std::size_t begin = given.find("://") + 3, at = net::user_end(given, begin);
  std::string uri = given;
  if (at != std::string::npos) {
    std::string both = given.substr(begin, at - begin);
    replace_all(both, "@", "%40");
    uri.replace(begin, at - begin, both);
  }
  if (std::any_of(uri.begin(), uri.end(), [](char c) { return c <= ' ' || c > '~'; }))
    throw OptionError(
        fmt::format("{}: a URI has no spaces and only ASCII characters: escape others, such as a "
                    "space as %20{}",
                    without_password(given), password_hint(given)));
  return uri;
}

}  // namespace

std::unique_ptr<FrameSource> open_rtsp(const std::string& given) {
  const std::string uri = checked_uri(given);
  return open_live_program(
      rtsp_command(uri, find_video_programs()),
      {.name = without_password(given),
       .hide = secrets_of(uri),
       .remedy = "check host, path, user and password, and that the camera is on" +
                 password_hint(given)});
}

std::unique_ptr<FrameSource> open_web_video(const std::string& given) {
  const std::string uri = checked_uri(given);
  return open_live_program(web_video_command(uri, find_video_programs()),
                           {.name = without_password(given),
                            .hide = secrets_of(uri),
                            .remedy = "check the address" + password_hint(given)});
}

std::unique_ptr<FrameSource> open_csi(const CameraOptions& options) {
  const std::string number = options.uri.substr(options.uri.find("://") + 3);
  int sensor = -1;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, sensor);
  if (error != std::errc{} || stop != end || sensor < 0 || sensor > 63)
    throw OptionError(fmt::format("{}: write csi://0 for the first camera connector", options.uri));
  return open_live_program(
      csi_command(sensor, options.width, options.height, options.fps, find_video_programs()),
      {.name = options.uri,
       .remedy = fmt::format(
           "this needs a Jetson with nvidia-l4t-gstreamer and no other user of the camera "
           "(sudo systemctl restart nvargus-daemon); {}",
           raspberry_pi_remedy)});
}

}  // namespace quantring::apps
