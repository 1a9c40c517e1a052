#pragma once
// Opens a source by its URI.

#include <memory>
#include <string>
#include <vector>

#include "engine/camera/frame_source.h"
#include "engine/labels/true_classes.h"

namespace quantring::apps {

struct CameraOptions {
  std::string uri;
  std::vector<std::string> more;  // after it, if it is of files: others of files
  int width = 0, height = 0;      // requested from the camera; 0: its default
  double fps = 0;                 // likewise
  int channels = 3;               // of decoded frames: 1 or 3
  std::string labels_file;        // of files, as in engine/image/image_source.h
  LabelCheck check;               // likewise
};

//   v4l2:///dev/video0, /dev/video0   a V4L2 camera: MJPG unchanged, or YUYV
//   csi://0                           a Jetson's camera connector, through GStreamer
//   rtsp://HOST/PATH                  through GStreamer or ffmpeg, whichever is installed
//   http://[USER:PASSWORD@]HOST/PATH  MJPEG (multipart/x-mixed-replace), or snapshots
//   -                                 MJPEG on standard input
//   video.mp4 and the like            every frame, through GStreamer or ffmpeg
//   picture, folder, glob, IDX file   as `classify` (engine/image/image_source.h)
// Throws Error naming the URI, the cause and the remedy; OptionError if the URI itself is wrong.
std::unique_ptr<FrameSource> open_camera(const CameraOptions& options);

}  // namespace quantring::apps
