#pragma once
// Command lines of ffmpeg and GStreamer that convert a video, a stream or a Jetson's camera to
// MJPEG. User input never becomes an option or a pipeline element.

#include <string>

#include "engine/camera/child_reader.h"

namespace quantring::apps {

// What is installed on this device.
struct VideoPrograms {
  std::string ffmpeg, gstreamer;  // paths; empty: not installed
  bool jetson = false;            // with NVIDIA's elements for GStreamer
};
VideoPrograms find_video_programs();

// Every frame of a file, in order. Throws Error if neither program is installed.
ChildCommand video_command(const std::string& path, const VideoPrograms& programs);
// uri: rtsp://... Over TCP with ffmpeg.
ChildCommand rtsp_command(const std::string& uri, const VideoPrograms& programs);
// url: a video over HTTP, HLS among them, at its own rate. Throws Error without ffmpeg.
ChildCommand web_video_command(const std::string& url, const VideoPrograms& programs);
// width, height, fps: 0 for the camera's default. Throws Error without GStreamer and NVIDIA's
// elements.
ChildCommand csi_command(int sensor, int width, int height, double fps,
                         const VideoPrograms& programs);

// What else there is for a camera connector, for the end of an error text.
inline constexpr const char* raspberry_pi_remedy =
    "on a Raspberry Pi: rpicam-vid -t 0 --codec mjpeg -o - | quantring camera -";

// A property of an element, with the value quoted: location="a \"b\"".
std::string gst_property(const std::string& name, const std::string& value);

}  // namespace quantring::apps
