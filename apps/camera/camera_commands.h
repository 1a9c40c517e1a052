#pragma once
// The command lines of ffmpeg and GStreamer that make MJPEG of a video, an RTSP stream or a
// Jetson's camera. Nothing that a person wrote can become an option or an element of a pipeline.

#include <string>

#include "engine/camera/child_reader.h"

namespace quantring::apps {

// What is found in PATH and on this device when it is asked.
struct VideoPrograms {
  std::string ffmpeg, gstreamer;  // paths; empty: not installed
  bool jetson = false;            // NVIDIA's elements for GStreamer are there
};
VideoPrograms find_video_programs();

// Every frame of a file, in order. Throws Error naming both programs when neither is installed.
ChildCommand video_command(const std::string& path, const VideoPrograms& programs);
// uri: rtsp://... Over TCP with ffmpeg.
ChildCommand rtsp_command(const std::string& uri, const VideoPrograms& programs);
// width, height, fps: 0 leaves it to the camera. Throws Error without GStreamer.
ChildCommand csi_command(int sensor, int width, int height, double fps,
                         const VideoPrograms& programs);

// A property of an element whose value stands for itself: location="a \"b\"".
std::string gst_property(const std::string& name, const std::string& value);

}  // namespace quantring::apps
