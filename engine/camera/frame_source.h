#pragma once
// A source of frames: a camera, a stream, a video or files. Frames are delivered as received; the
// consumer decodes them.

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
  std::vector<std::byte> file;  // a picture file for decode_image; or empty, then
  Image image;                  // pixels, RGB or grey
  int label = -1;               // the true class, if the source knows it
  Clock::time_point taken;      // when its last byte had arrived
};

// One frame cannot be read; the source continues with the next.
class BadFrame : public Error {
 public:
  using Error::Error;
};

class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // Connects or waits for the first frame, so that errors at the start are thrown here, as Error;
  // without it the first next() does. stop() ends it too.
  virtual void start() {}
  // Waits for the next frame. False at the end of the stream and after stop(). Throws BadFrame
  // naming the frame; any other Error: the source is broken and must be reopened.
  virtual bool next(Frame& frame) = 0;
  // From any thread: a blocked next() and every later one return false.
  virtual void stop() noexcept = 0;
  // True: frames that are not taken in time may be dropped in favour of the newest. False: every
  // frame is needed.
  virtual bool live() const = 0;
  // What was opened, for the user: "v4l2:///dev/video0, MJPG 1280x720 at 30/s".
  virtual std::string text() const = 0;
};

}  // namespace quantring
