#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/doctor/checks.h"
#include "apps/doctor/machine/run_program.h"
#include "apps/doctor/text.h"

namespace quantring::apps {
namespace {

// Its first call scans all plugins, which takes long.
constexpr std::chrono::seconds inspect_limit{10};

std::string size_text(const V4l2Size& size) {
  const std::string text = fmt::format("{}x{}", size.width, size.height);
  return size.rates.empty() ? text : fmt::format("{} {:g}/s", text, size.rates.front());
}

// "MJPG 1920x1080 30/s to 160x120 30/s"
std::string format_text(const V4l2Format& format) {
  if (format.sizes.empty()) return format.name;
  const std::string largest = size_text(format.sizes.front());
  if (format.sizes.size() == 1) return fmt::format("{} {}", format.name, largest);
  return fmt::format("{} {} to {}", format.name, largest, size_text(format.sizes.back()));
}

void check_camera(const V4l2Info& camera, FindingList& list) {
  if (!camera.error.empty()) {
    return list.warning(camera.path, "cannot be queried", camera.error);
  }
  std::vector<std::string> usable, other;
  for (const V4l2Format& format : camera.formats) {
    (format.usable ? usable : other).push_back(format_text(format));
  }
  const std::string name = fmt::format("{} ({})", camera.card, camera.driver);
  if (usable.empty()) {
    return list.warning(
        camera.path,
        fmt::format("{}: only {}", name,
                    other.empty() ? "no format" : fmt::format("{}", fmt::join(other, ", "))),
        "`quantring camera` reads MJPG and YUYV; for a raw sensor on a Jetson's "
        "camera connector use csi://0");
  }
  list.ok(camera.path, fmt::format("{}: {}", name, fmt::join(usable, "; ")));
}

void check_connector(const SystemFiles& system, const CameraPrograms& programs, FindingList& list) {
  if (!programs.gst_launch) {
    return list.warning("csi://", "GStreamer is missing",
                        "sudo apt install gstreamer1.0-tools gstreamer1.0-plugins-good");
  }
  if (!programs.argus_source) {
    return list.warning("csi://", "GStreamer has no nvarguscamerasrc",
                        "sudo apt install nvidia-l4t-gstreamer nvidia-l4t-camera");
  }
  if (!system.exists("/tmp/argus_socket")) {
    return list.warning("csi://", "NVIDIA's camera service is not running",
                        "sudo systemctl restart nvargus-daemon; in a container mount "
                        "/tmp/argus_socket");
  }
  list.ok("csi://", "nvarguscamerasrc and its service are available");
}

void check_programs(const CameraPrograms& programs, FindingList& list) {
  std::vector<std::string> installed;
  if (programs.gst_launch) installed.push_back("gst-launch-1.0");
  if (programs.ffmpeg) installed.push_back("ffmpeg");
  if (!installed.empty()) {
    return list.ok("rtsp, videos", fmt::format("{}", fmt::join(installed, ", ")));
  }
  list.note("rtsp, videos", "need gst-launch-1.0 or ffmpeg, and neither is installed",
            "sudo apt install ffmpeg");
}

}  // namespace

CameraPrograms find_camera_programs() {
  CameraPrograms programs;
  programs.gst_launch = in_path("gst-launch-1.0");
  programs.ffmpeg = in_path("ffmpeg");
  programs.argus_source =
      exit_status({"gst-inspect-1.0", "--exists", "nvarguscamerasrc"}, inspect_limit) == 0;
  return programs;
}

std::vector<Finding> check_cameras(const SystemFiles& system, const std::vector<V4l2Info>& cameras,
                                   const CameraPrograms& programs) {
  FindingList list;
  int found = 0;
  for (const V4l2Info& camera : cameras) {
    if (!camera.camera && camera.error.empty()) continue;  // a metadata device of a camera
    check_camera(camera, list);
    ++found;
  }
  if (found == 0) {
    list.note("cameras", "none is connected",
              "connect one and see `dmesg`; in a container pass /dev/video0 through");
  }
  if (is_jetson(system)) check_connector(system, programs, list);
  check_programs(programs, list);
  return list.take();
}

}  // namespace quantring::apps
