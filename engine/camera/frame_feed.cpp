#include "engine/camera/frame_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "engine/camera/arrival_rate.h"

namespace quantring {
namespace {

using Clock = Frame::Clock;

constexpr std::size_t read_ahead = 4;
// Limits the messages of a live source with many bad frames.
constexpr std::chrono::seconds bad_frame_log_interval{30};

}  // namespace

struct FrameFeed::Impl {
  Impl(Open open_source, Log log_line, ReopenDelays delays)
      : open(std::move(open_source)), log(std::move(log_line)), delay(delays) {
    source = open();
    source->start();
    live = source->live();
    stats.text = source->text();
    stats.open = true;
    thread = std::thread([this] { run(); });
  }

  ~Impl() {
    stop();
    thread.join();
  }

  void stop() noexcept {
    const std::lock_guard lock(mutex);
    stopped = true;
    if (source) source->stop();
    changed.notify_all();
  }

  void run() {
    for (;;) {
      std::optional<std::string> broken;
      try {
        while (read_one()) {
        }
      } catch (const std::exception& error) {
        broken = error.what();
      }
      if (!broken || !live) return end(broken);
      if (!reopen(*broken)) return end(std::nullopt);
    }
  }

  // False at the end of the stream and once stopped.
  bool read_one() {
    Frame frame;
    try {
      if (!source->next(frame)) return false;
    } catch (const BadFrame& error) {
      count_bad(error.what());
      const std::lock_guard lock(mutex);
      return !stopped;
    }
    std::optional<std::string> line;
    {
      std::unique_lock lock(mutex);
      if (live) {
        // The count continues when the source is reopened.
        frame.name = fmt::format("frame {}", stats.frames);
        if (!waiting.empty()) {
          waiting.clear();
          ++stats.dropped;
        }
      } else {
        changed.wait(lock, [this] { return stopped || waiting.size() < read_ahead; });
      }
      if (stopped) return false;
      ++stats.frames;
      rate.arrived(Clock::now());
      waiting.push_back(std::move(frame));
      if (in_trouble) line = fmt::format("{}: frames arrive again", stats.text);
      in_trouble = false;
      delay.reset();
      changed.notify_all();
    }
    if (line) log(*line);
    return true;
  }

  void count_bad(const std::string& text) {
    {
      const std::lock_guard lock(mutex);
      ++stats.unreadable;
      const auto now = Clock::now();
      if (live && bad_frame_logged && now - *bad_frame_logged < bad_frame_log_interval) return;
      bad_frame_logged = now;
    }
    log(text);
  }

  // Logs the cause once, however many attempts it takes until frames arrive again. False once
  // stopped.
  bool reopen(std::string why) {
    for (;;) {
      close();
      std::unique_lock lock(mutex);
      if (stopped) return false;
      stats.error = why;
      const auto pause = delay.next();
      next_try = Clock::now() + pause;
      if (!std::exchange(in_trouble, true)) {
        const std::string line =
            fmt::format("{}; trying again in {:g} s, then at growing intervals", why,
                        static_cast<double>(pause.count()) / 1000);
        lock.unlock();
        log(line);
        lock.lock();
      }
      changed.wait_until(lock, next_try, [this] { return stopped; });
      if (stopped) return false;
      lock.unlock();
      std::unique_ptr<FrameSource> fresh;
      std::optional<std::string> failed;
      try {
        fresh = open();
      } catch (const std::exception& error) {
        failed = error.what();
      }
      lock.lock();
      if (fresh) {
        source = std::move(fresh);  // now stop() reaches it
        if (stopped) return false;
        lock.unlock();
        try {
          source->start();
        } catch (const std::exception& error) {
          failed = error.what();
        }
        lock.lock();
      }
      if (!failed) {
        ++stats.reopened;
        stats.open = true;
        stats.text = source->text();
        stats.error.clear();
        return !stopped;
      }
      why = *failed;
    }
  }

  // The source is destroyed outside the mutex: that may take a while.
  void close() {
    std::unique_ptr<FrameSource> closed;  // outlives the lock
    const std::lock_guard lock(mutex);
    closed.swap(source);
    stats.open = false;
  }

  void end(const std::optional<std::string>& broken) {
    close();
    const std::lock_guard lock(mutex);
    if (!stopped) failure = broken;
    stats.error = failure.value_or("");
    ended = true;
    changed.notify_all();
  }

  bool next(Frame& frame) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return stopped || ended || !waiting.empty(); });
    if (stopped) return false;
    if (waiting.empty()) {
      if (failure) throw Error(*failure);
      return false;
    }
    frame = std::move(waiting.front());
    waiting.pop_front();
    changed.notify_all();
    return true;
  }

  FeedStats read_stats() {
    const std::lock_guard lock(mutex);
    FeedStats copy = stats;
    const auto now = Clock::now();
    copy.frames_per_s = rate.per_second(now);
    if (!copy.error.empty() && !ended) {
      const std::chrono::duration<double> left = next_try - now;
      copy.error += left.count() > 0 ? fmt::format("; trying again in {:.0f} s", left.count() + 0.5)
                                     : std::string("; trying again now");
    }
    return copy;
  }

  Open open;
  Log log;
  bool live = false;

  std::mutex mutex;
  std::condition_variable changed;
  std::unique_ptr<FrameSource> source;  // replaced only by the thread, under the mutex
  std::deque<Frame> waiting;            // at most one of a live source
  FeedStats stats;
  ArrivalRate rate;
  ReopenDelay delay;
  Clock::time_point next_try;
  std::optional<Clock::time_point> bad_frame_logged;
  std::optional<std::string> failure;  // of a source that is not live
  bool in_trouble = false, stopped = false, ended = false;

  std::thread thread;
};

FrameFeed::FrameFeed(Open open, Log log, ReopenDelays delays)
    : impl_(std::make_unique<Impl>(std::move(open), std::move(log), delays)) {}

FrameFeed::~FrameFeed() = default;

bool FrameFeed::next(Frame& frame) {
  return impl_->next(frame);
}

void FrameFeed::stop() noexcept {
  impl_->stop();
}

bool FrameFeed::live() const {
  return impl_->live;
}

FeedStats FrameFeed::stats() const {
  return impl_->read_stats();
}

}  // namespace quantring
