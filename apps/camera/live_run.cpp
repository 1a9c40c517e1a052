#include "apps/camera/live_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "apps/camera/live_status_json.h"
#include "apps/camera/live_text.h"
#include "apps/report/output.h"
#include "apps/session/stage_worker.h"
#include "engine/image/jpeg_write.h"
#include "engine/stage/topk.h"
#include "net/http/http_url.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

// A run that had work for so long and answered nothing hangs.
constexpr std::chrono::seconds longest_silence{120};

// Links are chosen for so much more than a camera gives now: the finest coding that would just do
// leaves no room to catch up.
constexpr double rate_margin = 1.25;

// Of a ring that is busy all the time, what every stage and link needs to be so: more would only
// wait. A file does not mind waiting.
std::size_t most_under_way(bool live, std::size_t stages) {
  if (!live) return 16;
  return stages == 0 ? 2 : 2 * stages + 1;
}

CameraOptions with_channels(CameraOptions camera, int channels) {
  camera.channels = channels;
  return camera;
}

std::vector<std::byte> frame_jpeg(const Frame& frame) {
  const bool is_jpeg =
      frame.file.size() > 2 && frame.file[0] == std::byte{0xff} && frame.file[1] == std::byte{0xd8};
  return is_jpeg ? frame.file : encode_jpeg(frame_image(frame, 3), 90);
}

}  // namespace

LiveRun::LiveRun(const CameraRunOptions& options, ServiceNotifier& notifier)
    : options_(options),
      notifier_(notifier),
      model_([&] {
        plan_.config = read_config(options.ring);
        return model_path(options.model, plan_.config);
      }()),
      begun_(Clock::now()),
      last_answer_(begun_) {
  require_whole(model_, options.ring);
  if (!options.listen.empty()) dashboard_.emplace(options.listen);
  feed_ = std::make_unique<FrameFeed>(
      [camera = with_channels(options.camera, model_.preprocess().channels)] {
        return open_camera(camera);
      },
      [this](const std::string& line) { say(line); });
  if (options.ring.wanted()) {
    plan_ = plan_ring(options.ring, std::move(plan_.config), model_);
    nodes_ = start_nodes(options.ring, model_, plan_);
    summary_.run.ranges = plan_.ranges;
    summary_.run.links = plan_.links;
  }
  status_.version = QUANTRING_VERSION;
  status_.model = model_.path();
  status_.hash = model_.hash();
  status_.source = net::without_password(options.camera.uri);
  connect();
  say("reading " + feed_->stats().text);
  if (dashboard_) say(fmt::format("page on {}", page_url(options.listen, dashboard_->port())));
  pipeline_ = std::make_unique<FramePipeline>(
      *feed_, model_, options.limit, [this](const std::string& line) { say("error: " + line); });
  watcher_ = std::thread([this] { watch(); });
}

LiveRun::~LiveRun() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  watcher_.join();
  if (classifier_) classifier_->stop();
  pipeline_->detach();
}

void LiveRun::stop() noexcept {
  feed_->stop();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void LiveRun::connect() {
  auto classifier = options_.ring.wanted()
                        ? apps::connect(plan_, model_, 1)
                        : make_local_classifier(model_, 1, options_.ring.compute);
  const std::lock_guard lock(mutex_);
  classifier_ = std::move(classifier);
  meter_.new_session();
  last_answer_ = Clock::now();
  status_.state = "running";
}

CameraSummary LiveRun::run() {
  notifier_.ready("classifying " + status_.source);
  for (;;) {
    try {
      pipeline_->attach(*classifier_, most_under_way(feed_->live(), plan_.config.stages.size()));
      answer_all();
      break;
    } catch (const Error& error) {
      classifier_->stop();
      pipeline_->detach();
      // Nodes that this process started do not come back.
      if (options_.ring.file.empty()) throw;
      if (!reconnect(error.what())) break;
    }
  }
  pipeline_->rethrow();
  summary_.feed = feed_->stats();
  summary_.live = feed_->live();
  summary_.unreadable = pipeline_->unreadable() + summary_.feed.unreadable;
  summary_.lost = pipeline_->lost();
  const std::lock_guard lock(mutex_);
  summary_.stopped = stopped_;
  summary_.run.seconds = std::chrono::duration<double>(last_answer_ - begun_).count();
  summary_.latency_p50_s = latencies_.percentile(0.5);
  summary_.latency_p95_s = latencies_.percentile(0.95);
  summary_.longest_s = latencies_.longest();
  return summary_;
}

void LiveRun::answer_all() {
  std::vector<float> logits;
  while (classifier_->next(logits)) answer(pipeline_->take(), logits);
  summary_.run.ring = classifier_->finish();
  summary_.run.outputs = classifier_->histories();
}

void LiveRun::answer(const Frame& frame, const std::vector<float>& logits) {
  const auto now = Clock::now();
  const Answer answer{frame.name, frame.label, top_k(logits, options_.top)};
  const double latency_s = std::chrono::duration<double>(now - frame.taken).count();
  LiveAnswer live = live_answer(answer, model_.labels(), summary_.run.images, latency_s);
  count(answer, logits, summary_.run);
  {
    const std::lock_guard lock(mutex_);
    status_.images = summary_.run.images;
    last_answer_ = now;
    meter_.answered(now, latency_s);
  }
  latencies_.add(latency_s);
  delay_.reset();
  if (options_.json) {
    progress_.print(stdout, live_answer_json(live));
  } else if (!options_.quiet) {
    progress_.print(
        stdout, answer_line(answer, model_.labels()) + fmt::format("  {:.0f} ms", 1e3 * latency_s));
  }
  std::fflush(stdout);  // who reads a pipe wants it now
  if (dashboard_) dashboard_->show(live, [&] { return frame_jpeg(frame); });
}

bool LiveRun::reconnect(const std::string& cause) {
  std::unique_ptr<Classifier> lost;
  {
    const std::lock_guard lock(mutex_);
    lost = std::move(classifier_);
  }
  lost.reset();  // says goodbye to the nodes that are left, which may take a moment
  std::string why = cause;
  for (;;) {
    if (pipeline_->over()) return false;
    const auto wait = delay_.next();
    const std::string state =
        fmt::format("the ring is lost: {}; trying again in {} s", why,
                    std::chrono::duration_cast<std::chrono::seconds>(wait).count());
    say("error: " + state);
    {
      std::unique_lock lock(mutex_);
      status_.state = state;
      changed_.wait_for(lock, wait, [this] { return stopped_; });
      if (stopped_) return false;
    }
    try {
      connect();
      break;
    } catch (const Error& error) {
      why = error.what();
    }
  }
  say("the ring is back");
  const std::lock_guard lock(mutex_);
  ++status_.reconnects;
  summary_.reconnects = status_.reconnects;
  return true;
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
  LiveStatus shown;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    status_.feed = feed;
    status_.uptime_s = std::chrono::duration<double>(now - begun_).count();
    status_.unreadable = pipeline_->unreadable();
    status_.lost = pipeline_->lost();
    status_.resident_mb = static_cast<double>(resident_bytes()) / 1e6;
    meter_.measure(now, status_.images, classifier_ ? classifier_->stats() : net::RingStats{},
                   classifier_ ? classifier_->histories() : OutputHistories{}, plan_.ranges,
                   status_);
    if (classifier_ && feed_->live()) classifier_->expect_rate(rate_margin * feed.frames_per_s);
    status_.healthy = classifier_ != nullptr && feed.error.empty();
    shown = status_;
  }
  if (!feed.error.empty() && shown.state == "running") shown.state = feed.error;
  if (dashboard_) dashboard_->show(shown);
}

bool LiveRun::stuck(Clock::time_point now) {
  return classifier_ != nullptr && pipeline_->under_way() > 0 &&
         now - last_answer_ > longest_silence;
}

void LiveRun::say(const std::string& line) {
  progress_.print(stderr, line);
}

}  // namespace quantring::apps
