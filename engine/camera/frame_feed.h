#pragma once
// Runs a source on a thread of its own: keeps the newest frame of a live one and counts what nobody
// took, hands out every frame of a file, and opens what broke anew.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/camera/frame_source.h"
#include "engine/camera/reopen_delay.h"

namespace quantring {

struct FeedStats {
  std::uint64_t frames = 0;      // that arrived, dropped ones too
  std::uint64_t dropped = 0;     // a newer one came before anybody took them
  std::uint64_t unreadable = 0;  // BadFrame
  std::uint64_t reopened = 0;
  double frames_per_s = 0;  // that arrive, over the last seconds; 0 when none did
  bool open = false;
  std::string text;   // FrameSource::text of the source that is, or was last, open
  std::string error;  // why it is not open, and when it is tried again; empty while it is
};

class FrameFeed {
 public:
  // Throws Error when the source cannot be opened.
  using Open = std::function<std::unique_ptr<FrameSource>()>;
  // One line for a person, no newline; called on the feed's thread.
  using Say = std::function<void(const std::string& line)>;

  // Opens and starts at once, on the calling thread: what is wrong with a source from the start is
  // thrown here. One that breaks later, and is live, is opened anew after 1, 2, 4 ... 30 s, as
  // often as it takes; a frame that arrives begins the delays anew. One that is not live ends with
  // its Error.
  FrameFeed(Open open, Say say, ReopenDelays delays = {});
  ~FrameFeed();
  FrameFeed(const FrameFeed&) = delete;
  FrameFeed& operator=(const FrameFeed&) = delete;

  // Live: waits for a frame that was not handed out yet, and gives the newest. Else: every frame,
  // in order, read a few ahead. False after the last frame, and after stop(). Throws Error when a
  // source that is not live broke.
  bool next(Frame& frame);
  void stop() noexcept;  // from any thread
  bool live() const;
  FeedStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring
