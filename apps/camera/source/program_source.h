#pragma once
// Live sources that another program reads: ffmpeg or GStreamer (camera_commands.h). Each throws
// Error when none is installed, OptionError for a malformed URI.

#include <memory>
#include <string>

#include "apps/camera/source/open_camera.h"
#include "engine/camera/frame_source.h"

namespace quantring::apps {

std::unique_ptr<FrameSource> open_rtsp(const std::string& uri);
std::unique_ptr<FrameSource> open_web_video(const std::string& url);  // HLS and the like
std::unique_ptr<FrameSource> open_csi(const CameraOptions& options);

}  // namespace quantring::apps
