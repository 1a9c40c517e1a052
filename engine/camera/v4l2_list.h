#pragma once
// The kernel's cameras, as `quantring doctor` lists them.

#include <string>
#include <vector>

namespace quantring {

struct V4l2Size {
  int width = 0, height = 0;
  std::vector<double> rates;  // frames/s, fastest first; empty: the driver names none
};

struct V4l2Format {
  std::string name;             // four letters: "MJPG", "YUYV", "NV12", ...
  bool usable = false;          // `quantring camera` can read it
  std::vector<V4l2Size> sizes;  // largest first; of a stepwise range its ends
};

struct V4l2Info {
  std::string path;     // "/dev/video0"
  std::string card;     // "HD Pro Webcam C920"; empty when it could not be asked
  std::string driver;   // "uvcvideo"
  bool camera = false;  // hands out frames by mmap; other nodes of a camera carry its metadata
  std::vector<V4l2Format> formats;
  std::string error;  // why it could not be asked, with the remedy; else empty
};

// Every /dev/video*, by number. None: no driver has found a camera. Never throws for a device.
std::vector<V4l2Info> list_v4l2_cameras();

}  // namespace quantring
