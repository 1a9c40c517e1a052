// `quantring camera`: a camera, a stream or files in; answers in the terminal and on a page.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "apps/camera/camera_run.h"
#include "apps/commands/commands.h"
#include "apps/options/model_options.h"
#include "apps/options/option_check.h"
#include "apps/options/ring_options.h"
#include "apps/report/report.h"
#include "ops/base/error.h"
#include "ops/base/number_check.h"

namespace quantring::apps {
namespace {

constexpr int max_camera_side = 16384;

struct CameraCommand {
  CameraRunOptions run;
  RingOptions ring;
  std::vector<std::string> sources;
  std::string listen = "127.0.0.1:8080", size;
};

// "1280x720"
void read_size(const std::string& text, CameraOptions& camera) {
  const char* const end = text.data() + text.size();
  const auto width = std::from_chars(text.data(), end, camera.width);
  const bool has_x = width.ec == std::errc() && width.ptr != end && *width.ptr == 'x';
  const auto height = std::from_chars(has_x ? width.ptr + 1 : end, end, camera.height);
  const auto fits = [](int side) { return side > 0 && side <= max_camera_side; };
  if (!has_x || height.ec != std::errc() || height.ptr != end || !fits(camera.width) ||
      !fits(camera.height)) {
    throw OptionError(fmt::format("--size {}: give width and height as 1280x720", text));
  }
}

void run_command(CameraCommand& command) {
  CameraRunOptions& options = command.run;
  options.camera.uri = command.sources.front();
  options.camera.more.assign(command.sources.begin() + 1, command.sources.end());
  if (!command.size.empty()) read_size(command.size, options.camera);
  if (command.listen != "none") options.listen = command.listen;
  options.ring = ring_request(command.ring);
  const CameraSummary summary = run_camera(options);
  fmt::print(stderr, "{}", camera_report(summary));
  if (summary.run.images > 0) fmt::print(stderr, "{}", closing_report(summary.run));
  if (!summary.live && summary.unreadable > 0) {
    throw Error(fmt::format("{} of {} pictures could not be read; each is named above",
                            summary.unreadable, summary.run.images + summary.unreadable));
  }
  if (summary.run.images == 0 && !summary.stopped) {
    throw Error(fmt::format("{}: ended before a picture came", summary.feed.text));
  }
}

}  // namespace

void add_camera(CLI::App& app) {
  auto* sub = app.add_subcommand(
      "camera",
      "Classify what a camera sees, or a stream, a video or files, and show it on a page");
  auto command = std::make_shared<CameraCommand>();
  CameraRunOptions& run = command->run;
  sub->add_option(
         "source", command->sources,
         "/dev/video0 or 0, csi://0, rtsp://..., http://.../cam.mjpg or live.m3u8, - (MJPEG on "
         "standard input), a video file; or any number of pictures, folders, glob patterns "
         "and IDX files")
      ->required();
  sub->add_option(
      "-m,--model", run.model,
      "Model file, or with --ring any part of it (default: the one that the ring file names)");
  add_ring_options(*sub, command->ring);
  sub->add_option("--listen", command->listen,
                  "Address and port of the page; 0.0.0.0:8080 shows it to the whole network, none "
                  "leaves it out")
      ->transform(listen_address("127.0.0.1") | CLI::IsMember({"none"}))
      ->capture_default_str();
  sub->add_option("--size", command->size,
                  "Ask the camera for frames of WIDTHxHEIGHT (default: its own)");
  sub->add_option("--fps", run.camera.fps, "Ask the camera for this many frames a second")
      ->check(real_range(0.1, 1000.0));
  sub->add_option("-l,--labels", run.camera.labels_file, label_help);
  sub->add_option("-n,--limit", run.limit, "Stop after this many frames (0: none)")
      ->check(not_negative);
  sub->add_option("-k,--top", run.top, "Classes shown per frame")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_class_options(*sub, run.classes);
  sub->add_flag("--json", run.json, "One JSON object per frame on stdout");
  sub->add_flag("-q,--quiet", run.quiet, "No line per frame");
  sub->footer(
      "Of a live source only the newest frame is classified, and dropped ones are counted; of "
      "files and videos every frame is.\n"
      "Examples:\n"
      "  quantring camera /dev/video0 --model deit_tiny.safetensors\n"
      "  quantring camera csi://0 --ring ring.toml --listen 0.0.0.0:8080\n"
      "  quantring camera http://10.0.0.20/cam.mjpg --ring ring.toml --json\n"
      "  ffmpeg -loglevel error -nostdin -re -i street.mp4 -f mjpeg -q:v 3 - | \\\n"
      "      quantring camera - --model deit_tiny.safetensors");
  sub->callback([command] { run_command(*command); });
}

}  // namespace quantring::apps
