#pragma once
// Where frames come from: a camera, a stream, a video, or files. One frame after another, as it
// came; decoding is for whoever wants the pixels.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "engine/image/image.h"
#include "ops/base/error.h"

namespace quantring {

struct Frame {
  using Clock = std::chrono::steady_clock;
  std::string name;             // path of a file; of a stream "frame 812", counted from 0
  std::vector<std::byte> file;  // a whole JPEG, PNG or BMP; or empty, and then
  Image image;                  // pixels, RGB or grey
  int label = -1;               // the true class, where the source knows it
  Clock::time_point taken;      // when the last of it had arrived
};

// One frame cannot be had, and the next may: the source goes on.
class BadFrame : public Error {
 public:
  using Error::Error;
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // Connects, or waits for the first frame, where the first next() would do so otherwise: what is
  // wrong from the beginning is thrown here, as an Error. stop() ends it too.
  virtual void start() {}
  // Waits for the next frame. False at the end of the stream, and after stop(). Throws BadFrame
  // naming the frame; any other Error: the source is broken, and only opening it anew may help.
  virtual bool next(Frame& frame) = 0;
  // From any thread: a waiting and every later next() returns false, soon.
  virtual void stop() noexcept = 0;
  // True: the world does not wait, so of frames that cannot be used in time only the newest counts.
  // False: every frame is wanted.
  virtual bool live() const = 0;
  // What was opened, for a person: "v4l2:///dev/video0, MJPG 1280x720 at 30/s".
  virtual std::string text() const = 0;
};

}  // namespace quantring
