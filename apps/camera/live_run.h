#pragma once
// What the threads of a camera's run share: the ring that is there at the moment, the numbers, and
// the frames under way.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "apps/camera/camera_run.h"
#include "apps/camera/dashboard.h"
#include "apps/session/frame_pipeline.h"
#include "apps/camera/latency_histogram.h"
#include "apps/camera/live_meter.h"
#include "apps/commands/local_nodes.h"
#include "apps/commands/progress.h"
#include "apps/commands/service_notify.h"
#include "engine/camera/reopen_delay.h"
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

  void connect();
  void answer_all();  // of one session
  void answer(const Frame& frame, const std::vector<float>& logits);
  bool reconnect(const std::string& cause);  // false: it is over
  void watch();                              // the status, once a second
  void show_status();
  bool stuck(Clock::time_point now);
  void say(const std::string& line);

  const CameraRunOptions options_;
  ServiceNotifier& notifier_;
  Progress progress_;
  RingPlan plan_;  // before the model, whose path it may hold
  const ModelFile model_;
  std::unique_ptr<LocalNodes> nodes_;
  std::optional<Dashboard> dashboard_;
  std::unique_ptr<FrameFeed> feed_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::unique_ptr<Classifier> classifier_;  // none while the ring is lost; the main thread sets it
  LiveStatus status_;
  LiveMeter meter_;
  Clock::time_point begun_, last_answer_;
  bool stopped_ = false, ending_ = false;

  // Of the main thread alone.
  CameraSummary summary_;
  LatencyHistogram latencies_;
  ReopenDelay delay_{{}};

  std::unique_ptr<FramePipeline> pipeline_;  // uses the feed
  std::thread watcher_;                      // last: it uses all of the above
};

}  // namespace quantring::apps
