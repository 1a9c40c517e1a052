#include "apps/camera/camera_run.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

#include "apps/camera/live_run.h"
#include "apps/commands/service_notify.h"

namespace quantring::apps {
namespace {

sigset_t end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// The first signal ends the run in order, the second at once, should the order take too long. So
// does the first while there is no run to end: connecting may take minutes.
class EndSignals {
 public:
  // Before there are threads, so that all of them leave these signals to this one.
  explicit EndSignals(ServiceNotifier& notifier) : notifier_(notifier) {
    const sigset_t signals = end_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    thread_ = std::thread([this] { wait(); });
  }
  ~EndSignals() {
    over_ = true;
    ::pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  void watch(LiveRun* run) {
    const std::lock_guard lock(mutex_);
    run_ = run;
  }

 private:
  void wait() {
    const sigset_t signals = end_signals();
    for (;;) {
      int signal = 0;
      sigwait(&signals, &signal);
      if (over_) return;
      notifier_.stopping();
      const std::lock_guard lock(mutex_);
      if (run_ == nullptr || asked_) ::_exit(128 + signal);
      asked_ = true;
      run_->stop();
    }
  }

  ServiceNotifier& notifier_;
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  LiveRun* run_ = nullptr;
  bool asked_ = false;
  std::thread thread_;
};

}  // namespace

CameraSummary run_camera(const CameraRunOptions& options) {
  ServiceNotifier notifier;
  EndSignals signals(notifier);
  LiveRun run(options, notifier);
  struct Watched {
    EndSignals& signals;
    ~Watched() { signals.watch(nullptr); }
  } watched{signals};
  signals.watch(&run);
  return run.run();
}

std::string camera_report(const CameraSummary& summary) {
  std::string text = fmt::format("{} frames arrived, {} dropped for newer ones",
                                 summary.feed.frames, summary.feed.dropped);
  if (summary.unreadable > 0) text += fmt::format(", {} unreadable", summary.unreadable);
  if (summary.lost > 0) text += fmt::format(", {} dropped with a lost ring", summary.lost);
  const auto add_count = [&](const char* what, std::uint64_t count) {
    if (count == 1) text += fmt::format("; {} once", what);
    if (count > 1) text += fmt::format("; {} {} times", what, count);
  };
  add_count("the source was reopened", summary.feed.reopened);
  add_count("the ring was reconnected", summary.reconnects);
  text += '\n';
  if (summary.run.images == 0) return text;
  return text +
         fmt::format("latency: half within {:.0f} ms, 95 % within {:.0f} ms, longest {:.0f} ms\n",
                     1e3 * summary.latency_p50_s, 1e3 * summary.latency_p95_s,
                     1e3 * summary.longest_s);
}

}  // namespace quantring::apps
