#include "apps/camera/camera_run.h"

#include <fmt/format.h>

#include "apps/camera/live_run.h"
#include "apps/commands/end_signals.h"
#include "apps/commands/service_notify.h"

namespace quantring::apps {
CameraSummary run_camera(const CameraRunOptions& options) {
  ServiceNotifier notifier;
  EndSignals signals([&notifier] { notifier.stopping(); });
  LiveRun run(options, notifier);
  const EndSignals::Watch watch(signals, [&run] { run.stop(); });
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
