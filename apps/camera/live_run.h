#pragma once
// One run of `camera`: frames through the pipeline; answers and status to the terminal, the page
// and systemd.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "apps/camera/camera_run.h"
#include "apps/camera/dashboard.h"
#include "apps/camera/latency_histogram.h"
#include "apps/camera/live_meter.h"
#include "apps/commands/progress.h"
#include "apps/commands/service_notify.h"
#include "apps/session/pipeline.h"
#include "engine/camera/frame_feed.h"
#include "engine/model/model_file.h"

namespace quantring::apps {

class LiveRun {
 public:
  // Connects to the ring and opens the source. Throws Error.
  LiveRun(const CameraRunOptions& options, ServiceNotifier& notifier);
  ~LiveRun();

  CameraSummary run();   // until the source is over
  void stop() noexcept;  // from any thread: as if the source were over

 private:
  using Clock = std::chrono::steady_clock;

  void answer(const Frame& frame, const std::vector<float>& logits);
  void watch();  // the status, once a second, on a thread of its own
  void show_status();
  bool stuck(Clock::time_point now);
  void print(const std::string& line);

  const CameraRunOptions options_;
  ServiceNotifier& notifier_;
  Progress progress_;
  RingConfig config_;  // before the model, whose path it may hold
  const ModelFile model_;
  const std::string source_;  // without a password
  const ClassRule rule_;
  std::optional<Dashboard> dashboard_;
  std::unique_ptr<FrameFeed> feed_;
  std::unique_ptr<RingSetup> setup_;
  std::unique_ptr<ReplaySession> session_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  LiveStatus status_;
  LiveMeter meter_;
  Clock::time_point begun_, last_answer_;
  bool stopped_ = false, ending_ = false;
  bool model_changed_ = false;  // and that was said

  // Of the main thread alone.
  CameraSummary summary_;
  LatencyHistogram latencies_;

  std::unique_ptr<Pipeline> pipeline_;  // uses feed and session
  std::thread watcher_;                 // last: it uses all of the above
};

}  // namespace quantring::apps
