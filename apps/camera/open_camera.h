#pragma once
// A source by its URI, as people with cameras write them.

#include <memory>
#include <string>

#include "engine/camera/frame_source.h"
#include "net/http/http_url.h"

namespace quantring::apps {

struct CameraOptions {
  std::string uri;
  int width = 0, height = 0;  // asked of a camera that has a choice; 0: its own
  double fps = 0;             // the same
  int channels = 3;           // of pictures that are decoded here: 1 or 3
  std::string labels_file;    // of files: CSV or IDX, as in engine/image/image_source.h
};

//   v4l2:///dev/video0, /dev/video0   a camera of the kernel's: MJPG as it comes, or YUYV
//   csi://0                           a Jetson's camera connector, through GStreamer
//   rtsp://HOST/PATH                  through GStreamer or ffmpeg, whichever is installed
//   http://[USER:PASSWORD@]HOST/PATH  MJPEG (multipart/x-mixed-replace), or a JPEG again and again
//   -                                 MJPEG on standard input
//   video.mp4 and the like            every frame, through GStreamer or ffmpeg
//   picture, folder, glob, IDX file   as `classify` (engine/image/image_source.h)
// Throws Error naming the URI, the cause and the remedy.
std::unique_ptr<FrameSource> open_camera(const CameraOptions& options);

// A URI for a person's eyes.
using net::without_password;

}  // namespace quantring::apps
