#include "net/ring/compute_lane.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "ops/base/error.h"

namespace quantring::net {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The statistics of a ring of max_stages must fit in one control message.
constexpr std::size_t max_app_stats = 2 << 10;

}  // namespace

ComputeLane::ComputeLane(StageFactory factory, std::string work, int stage, int stages,
                         Events events, std::mutex* turn)
    : factory_(std::move(factory)), events_(std::move(events)), turn_(turn) {
  thread_ =
      std::thread([this, work = std::move(work), stage, stages] { run(work, stage, stages); });
}

ComputeLane::~ComputeLane() {
  stop();
  thread_.join();
}

void ComputeLane::push(Message&& message) {
  const std::lock_guard lock(mutex_);
  input_.push_back(std::move(message));
  changed_.notify_one();
}

bool ComputeLane::has_output() const {
  const std::lock_guard lock(mutex_);
  return output_.has_value();
}

std::optional<Message> ComputeLane::pop() {
  const std::lock_guard lock(mutex_);
  changed_.notify_one();
  return std::exchange(output_, std::nullopt);
}

void ComputeLane::close_input() {
  const std::lock_guard lock(mutex_);
  input_closed_ = true;
  changed_.notify_one();
}

bool ComputeLane::drained() const {
  const std::lock_guard lock(mutex_);
  return computed_all_ && !output_;
}

void ComputeLane::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  changed_.notify_one();
}

void ComputeLane::instruct(const std::string& json) {
  const std::lock_guard lock(mutex_);
  instruction_ = json;
}

void ComputeLane::set_output_stats(const LinkStats& stats) {
  const std::lock_guard lock(mutex_);
  output_stats_ = stats;
}

StageStats ComputeLane::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void ComputeLane::run(const std::string& work, int stage, int stages) {
  {
    std::unique_lock<std::mutex> turn;
    if (turn_ != nullptr) turn = std::unique_lock(*turn_);
    try {
      if (!stopping()) make_and_serve(work, stage, stages);
    } catch (const std::exception& error) {
      events_.failed(error.what());
    } catch (...) {
      events_.failed("the stage threw something that is not an exception");
    }
  }
  events_.exited();
}

void ComputeLane::make_and_serve(const std::string& work, int stage, int stages) {
  const std::unique_ptr<StageWorker> worker = factory_(work, stage, stages);
  if (!worker) throw Error("the factory made no stage");
  events_.ready();
  serve(*worker);
}

bool ComputeLane::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void ComputeLane::serve(StageWorker& worker) {
  depth_ = static_cast<std::size_t>(std::max(1, worker.depth()));
  auto app_stats_at = Clock::now();
  Message in;
  for (;;) {
    // Available input goes to the worker before its results are waited for, but with frames in
    // flight it does not wait for more input.
    if (next_input(in, in_flight_.empty())) {
      events_.taken();
      submit_one(worker, in);
      continue;
    }
    if (in_flight_.empty() || !wait_for_room()) break;
    if (has_output()) continue;  // no room yet, but another frame may be submitted
    collect_one(worker);
    events_.produced();
    if (Clock::now() >= app_stats_at) {
      refresh_app_stats(worker);
      app_stats_at = Clock::now() + std::chrono::milliseconds(500);
    }
  }
  refresh_app_stats(worker);
  {
    const std::lock_guard lock(mutex_);
    computed_all_ = !stopping_;
  }
  events_.produced();
}

// With depth 1 a frame may be computed while the output waits: it is coded when there is room.
bool ComputeLane::may_submit() const {
  const std::size_t waiting = depth_ > 1 && output_ ? 1 : 0;
  return in_flight_.size() + waiting < depth_;
}

void ComputeLane::update_worker(StageWorker& worker) {
  LinkStats link;
  std::optional<std::string> instruction;
  {
    const std::lock_guard lock(mutex_);
    link = output_stats_;
    instruction = std::exchange(instruction_, std::nullopt);
  }
  if (instruction) worker.instructed(*instruction);
  worker.observe_output(link);
}

// compute_s is the time inside the worker's calls: with several frames in flight no time counts
// twice.
void ComputeLane::submit_one(StageWorker& worker, Message& in) {
  in_flight_.push_back({in.request_id, in.images});
  const auto start = Clock::now();
  update_worker(worker);
  worker.submit(in);
  const std::lock_guard lock(mutex_);
  stats_.compute_s += since(start);
}

void ComputeLane::collect_one(StageWorker& worker) {
  const InFlight frame = in_flight_.front();
  in_flight_.pop_front();
  Message out;
  const auto start = Clock::now();
  update_worker(worker);
  worker.collect(out);
  out.request_id = frame.request_id;
  const std::lock_guard lock(mutex_);
  stats_.compute_s += since(start);
  stats_.images += frame.images;
  output_ = std::move(out);
}

bool ComputeLane::next_input(Message& message, bool may_wait) {
  std::unique_lock lock(mutex_);
  if (may_wait) {
    const auto start = Clock::now();
    changed_.wait(lock, [this] { return stopping_ || input_closed_ || !input_.empty(); });
    stats_.wait_input_s += since(start);
  }
  if (stopping_ || input_.empty() || !may_submit()) return false;
  message = std::move(input_.front());
  input_.pop_front();
  return true;
}

bool ComputeLane::wait_for_room() {
  std::unique_lock lock(mutex_);
  const auto start = Clock::now();
  changed_.wait(lock,
                [this] { return stopping_ || !output_ || (may_submit() && !input_.empty()); });
  stats_.wait_output_s += since(start);
  return !stopping_;
}

void ComputeLane::refresh_app_stats(StageWorker& worker) {
  std::string text = worker.stats_json();
  if (text.size() > max_app_stats) text.clear();
  const std::lock_guard lock(mutex_);
  stats_.app_json = std::move(text);
}

}  // namespace quantring::net
