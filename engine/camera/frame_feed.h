#pragma once
// Reads a source on its own thread: keeps only the newest frame of a live source and counts the
// dropped ones, delivers every frame of files, and reopens a live source that broke.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/camera/frame_source.h"
#include "engine/camera/reopen_delay.h"

namespace quantring {

struct FeedStats {
  std::uint64_t frames = 0;      // arrived, including dropped ones
  std::uint64_t dropped = 0;     // replaced by a newer one before next() took them
  std::uint64_t unreadable = 0;  // BadFrame
  std::uint64_t reopened = 0;
  double frames_per_s = 0;  // arrival rate over the last 5 s
  bool open = false;
  std::string text;   // FrameSource::text of the last source opened
  std::string error;  // why it is not open and when it is retried; empty while open
};

class FrameFeed {
 public:
  // Throws Error when the source cannot be opened.
  using Open = std::function<std::unique_ptr<FrameSource>()>;
  // Takes one line for the user, without newline; called on the feed's thread.
  using Log = std::function<void(const std::string& line)>;

  // Opens and starts the source on the calling thread: errors at the start are thrown here. A live
  // source that breaks later is reopened after 1, 2, 4 ... 30 s, without a limit; a frame that
  // arrives resets the delay. A source that is not live ends with its Error.
  FrameFeed(Open open, Log log, ReopenDelays delays = {});
  ~FrameFeed();
  FrameFeed(const FrameFeed&) = delete;
  FrameFeed& operator=(const FrameFeed&) = delete;

  // Live: waits for a new frame and returns the newest. Else: every frame in order, read a few
  // ahead. False after the last frame and after stop(). Throws Error when a source that is not live
  // broke.
  bool next(Frame& frame);
  void stop() noexcept;  // from any thread
  bool live() const;
  FeedStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring
