#include "apps/camera/camera_run.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <thread>

#include "apps/camera/live_run.h"
#include "apps/service_notify.h"

namespace quantring::apps {
namespace {

sigset_t end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// The first signal ends the run in order; the second at once, should the order take too long.
class EndSignals {
 public:
  EndSignals(LiveRun& run, ServiceNotifier& notifier)
      : thread_([this, &run, &notifier] {
          const sigset_t signals = end_signals();
          int signal = 0;
          sigwait(&signals, &signal);
          if (over_) return;
          notifier.stopping();
          run.stop();
          sigwait(&signals, &signal);
          if (!over_) ::_exit(128 + signal);
        }) {}
  ~EndSignals() {
    over_ = true;
    ::pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace

CameraSummary run_camera(const CameraRunOptions& options) {
  ServiceNotifier notifier;
  // Connecting may take minutes, and then a signal ends the program at once.
  std::unique_ptr<LiveRun> run;
  const sigset_t signals = end_signals();
  // Before the run has threads, so that all of them leave these signals to the one that waits.
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  run = std::make_unique<LiveRun>(options, notifier);
  EndSignals ends(*run, notifier);
  return run->run();
}

std::string camera_report(const CameraSummary& summary) {
  std::string text = fmt::format("{} frames arrived, {} dropped for newer ones",
                                 summary.feed.frames, summary.feed.dropped);
  if (summary.unreadable > 0) text += fmt::format(", {} unreadable", summary.unreadable);
  if (summary.lost > 0) text += fmt::format(", {} lost with a ring", summary.lost);
  const auto anew = [&](const char* what, std::uint64_t count) {
    if (count == 1) text += fmt::format("; {} once", what);
    if (count > 1) text += fmt::format("; {} {} times", what, count);
  };
  anew("the source was opened anew", summary.feed.reopened);
  anew("the ring was connected anew", summary.reconnects);
  text += '\n';
  if (summary.run.images == 0) return text;
  return text +
         fmt::format("latency: half within {:.0f} ms, 95 % within {:.0f} ms, longest {:.0f} ms\n",
                     1e3 * summary.latency_p50_s, 1e3 * summary.latency_p95_s,
                     1e3 * summary.longest_s);
}

}  // namespace quantring::apps
