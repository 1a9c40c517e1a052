#pragma once
// The V4L2 cameras, as `quantring doctor` lists them.

#include <string>
#include <vector>

namespace quantring {

struct V4l2Size {
  int width = 0, height = 0;
  std::vector<double> rates;  // frames/s, fastest first; empty: not listed by the driver
};

struct V4l2Format {
  std::string name;             // four-character code: "MJPG", "YUYV", "NV12", ...
  bool usable = false;          // `quantring camera` can read it
  std::vector<V4l2Size> sizes;  // largest first; of a range only both ends
};

struct V4l2Info {
  std::string path;     // "/dev/video0"
  std::string card;     // "HD Pro Webcam C920"; empty if the query failed
  std::string driver;   // "uvcvideo"
  bool camera = false;  // captures video with mmap; further nodes of a camera carry metadata
  std::vector<V4l2Format> formats;
  std::string error;  // why the query failed, with the remedy; else empty
};

// Every /dev/video*, sorted by number. Errors of a device are in V4l2Info::error.
std::vector<V4l2Info> list_v4l2_cameras();

}  // namespace quantring
