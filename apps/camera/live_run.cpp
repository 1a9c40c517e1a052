#include "apps/camera/live_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apps/camera/live_limit.h"
#include "apps/camera/live_status_json.h"
#include "apps/camera/live_text.h"
#include "apps/options/model_options.h"
#include "apps/report/output.h"
#include "apps/report/time_text.h"
#include "apps/session/node/stage_worker.h"
#include "engine/camera/file_frames.h"
#include "engine/image/formats/jpeg_segments.h"
#include "engine/image/formats/jpeg_write.h"
#include "engine/stage/topk.h"
#include "ops/base/error.h"
#include "ops/base/password.h"
#include "ops/base/process_memory.h"

namespace quantring::apps {
namespace {

// A run that has had work for so long without an answer hangs.
constexpr std::chrono::seconds max_silence{120};

// Links are coded for so many times the camera's rate: a coding that just keeps up cannot catch up.
constexpr double rate_margin = 1.25;

CameraOptions for_model(CameraOptions camera, const ModelFile& model) {
  camera.channels = model.preprocess().channels;
  camera.check = label_check(model);
  return camera;
}

std::string shown_sources(const CameraOptions& camera) {
  std::vector<std::string> shown = {shown_argument(camera.uri)};
  for (const std::string& more : camera.more) shown.push_back(shown_argument(more));
  return sources_text(shown);
}

std::vector<std::byte> frame_jpeg(const Frame& frame) {
  return any_browser_shows(frame.file) ? frame.file : encode_jpeg(frame_image(frame, 3), 90);
}

}  // namespace

LiveRun::LiveRun(const CameraRunOptions& options, ServiceNotifier& notifier)
    : options_(options),
      notifier_(notifier),
      config_(read_config(options.ring)),
      model_(model_path(options.model, config_)),
      source_(shown_sources(options.camera)),
      rule_(class_rule(model_, options.classes)),
      begun_(Clock::now()),
      last_answer_(begun_) {
  require_whole(model_, options.ring);
  if (!options.listen.empty()) dashboard_.emplace(options.listen);
  feed_ = std::make_unique<FrameFeed>(
      [camera = for_model(options.camera, model_)] { return open_camera(camera); },
      [this](const std::string& line) { print(line); });
  const bool live = feed_->live();
  setup_ = std::make_unique<RingSetup>(options.ring, config_, model_, 1);
  summary_.run.ranges = setup_->plan.ranges;
  summary_.run.links = setup_->plan.links;
  status_.version = QUANTRING_VERSION;
  status_.model = model_.path();
  status_.hash = model_.hash();
  status_.source = source_;
  status_.state = "running";
  ReplayOptions replay;
  // Nodes that this process started do not come back.
  if (!options.ring.file.empty()) replay.on_loss = live ? OnLoss::drop : OnLoss::replay;
  replay.max_unanswered = max_unanswered_batches(live, setup_->plan.ranges.size());
  replay.max_answers = replay.max_unanswered;
  replay.log = [this](const std::string& line) { print(line); };
  session_ = std::make_unique<ReplaySession>(setup_->connect, std::move(replay));
  print("reading " + feed_->stats().text);
  if (dashboard_) print(fmt::format("page on {}", page_url(options.listen, dashboard_->port())));
  PictureBatchOptions batches;
  batches.limit = options.limit;
  batches.keep_pictures = dashboard_.has_value();
  pipeline_ =
      std::make_unique<Pipeline>(picture_source(*feed_), model_, *session_, batches,
                                 [this](const std::string& line) { print("error: " + line); });
  watcher_ = std::thread([this] { watch(); });
}

LiveRun::~LiveRun() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  watcher_.join();
}

void LiveRun::stop() noexcept {
  feed_->stop();
  session_->stop_reconnecting();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

CameraSummary LiveRun::run() {
  notifier_.ready("classifying " + source_);
  AnsweredBatch answered;
  while (pipeline_->next(answered)) answer(answered.frames.at(0), answered.logits);
  summary_.run.ring = session_->stats();
  summary_.run.outputs = session_->histories();
  summary_.run.limit = session_->limit();
  const ReplayState state = session_->state();
  summary_.feed = feed_->stats();
  summary_.live = feed_->live();
  summary_.unreadable = pipeline_->unreadable() + summary_.feed.unreadable;
  summary_.lost = state.dropped;
  summary_.reconnects = state.reconnects;
  const std::lock_guard lock(mutex_);
  summary_.stopped = stopped_;
  summary_.run.seconds = std::chrono::duration<double>(last_answer_ - begun_).count();
  if (state.reconnects > 0) {
    const std::chrono::duration<double> counted = last_answer_ - state.connected_at;
    summary_.run.ring_seconds = std::max(counted.count(), 1e-3);
  }
  summary_.latency_p50_s = latencies_.percentile(0.5);
  summary_.latency_p95_s = latencies_.percentile(0.95);
  summary_.longest_s = latencies_.max();
  return summary_;
}

void LiveRun::answer(const Frame& frame, const std::vector<float>& logits) {
  const auto now = Clock::now();
  const Answer answer = make_answer(frame.name, frame.label, logits, options_.top, rule_);
  LiveAnswer live = live_answer(answer, model_.labels(), frame.taken, now);
  const double latency_s = live.latency_s;
  live.number = summary_.run.images;
  live.source = source_;
  summary_.run.count(answer.label, logits, rule_.threshold);
  {
    const std::lock_guard lock(mutex_);
    status_.images = summary_.run.images;
    status_.latency_sum_s += latency_s;
    last_answer_ = now;
    meter_.answered(now, latency_s);
  }
  latencies_.add(latency_s);
  if (options_.json) {
    progress_.print(stdout, live_answer_json(live));
  } else if (!options_.quiet) {
    progress_.print(
        stdout, answer_line(answer, model_.labels()) + fmt::format("  {:.0f} ms", 1e3 * latency_s));
  }
  std::fflush(stdout);  // for readers of a pipe
  if (dashboard_) dashboard_->show(live, [&] { return frame_jpeg(frame); });
}

void LiveRun::watch() {
  auto due = Clock::now();
  std::uint64_t seconds = 0;
  for (;;) {
    show_status();
    std::unique_lock lock(mutex_);
    if (!stuck(Clock::now())) notifier_.alive();
    if (!options_.quiet && (progress_.terminal() || ++seconds % 10 == 0)) {
      progress_.show(status_line(status_));
    }
    due = std::max(due + std::chrono::seconds(1), Clock::now());
    if (changed_.wait_until(lock, due, [this] { return ending_; })) return;
  }
}

void LiveRun::show_status() {
  const auto feed = feed_->stats();
  const ReplayState state = session_->state();
  const net::RingStats ring = session_->stats();
  if (feed_->live()) session_->expect_rate(rate_margin * feed.frames_per_s);
  LiveStatus shown;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (state.reconnects != status_.reconnects) {
      meter_.new_session();
      last_answer_ = now;
    }
    status_.feed = feed;
    status_.uptime_s = std::chrono::duration<double>(now - begun_).count();
    status_.time = rfc3339(now);
    status_.state = state.connected ? "running" : state.error;
    status_.unreadable = pipeline_->unreadable();
    status_.lost = state.dropped;
    status_.reconnects = state.reconnects;
    status_.resident_mb = static_cast<double>(resident_bytes()) / 1e6;
    meter_.measure(now, status_.images, state.connected ? ring : net::RingStats{},
                   state.connected ? session_->histories() : OutputHistories{}, setup_->plan.ranges,
                   setup_->plan.links, status_);
    const int lost = state.connected ? -1 : lost_stage(state.error);
    for (LiveStage& stage : status_.stages) stage.lost = stage.stage == lost;
    if (!model_changed_ && model_.changed()) {
      model_changed_ = true;
      print(fmt::format("'{}': {}; answers are from the model as it was at the start",
                        model_.path(), changed_in_use));
    }
    status_.healthy = state.connected && feed.error.empty();
    status_.limit = limit_sentence(status_, feed_->live());
    shown = status_;
  }
  if (!feed.error.empty() && shown.state == "running") shown.state = feed.error;
  if (dashboard_) dashboard_->show(shown);
}

bool LiveRun::stuck(Clock::time_point now) {
  const ReplayState state = session_->state();
  return state.connected && state.unanswered > 0 && now - last_answer_ > max_silence;
}

void LiveRun::print(const std::string& line) {
  progress_.print(stderr, line);
}

}  // namespace quantring::apps
