#include "net/compute_lane.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "ops/error.h"

namespace quantring::net {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// So that the counters of the longest ring fit in one control message.
constexpr std::size_t max_app_stats = 2 << 10;

}  // namespace

ComputeLane::ComputeLane(StageFactory factory, std::string work, int stage, int stages,
                         Events events)
    : factory_(std::move(factory)), events_(std::move(events)) {
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
  input_changed_.notify_one();
}

bool ComputeLane::has_output() const {
  const std::lock_guard lock(mutex_);
  return !output_.empty();
}

std::optional<Message> ComputeLane::pop() {
  const std::lock_guard lock(mutex_);
  if (output_.empty()) return std::nullopt;
  std::optional<Message> message = std::move(output_.front());
  output_.pop_front();
  output_changed_.notify_one();
  return message;
}

void ComputeLane::close_input() {
  const std::lock_guard lock(mutex_);
  input_closed_ = true;
  input_changed_.notify_one();
}

bool ComputeLane::drained() const {
  const std::lock_guard lock(mutex_);
  return computed_all_ && output_.empty();
}

void ComputeLane::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  input_changed_.notify_one();
  output_changed_.notify_one();
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
  try {
    const std::unique_ptr<StageWorker> worker = factory_(work, stage, stages);
    if (!worker) throw Error("the factory made no stage");
    events_.ready();
    serve(*worker);
  } catch (const std::exception& error) {
    events_.failed(error.what());
  } catch (...) {
    events_.failed("the stage threw something that is no exception");
  }
  events_.exited();
}

void ComputeLane::serve(StageWorker& worker) {
  const auto depth = static_cast<std::size_t>(std::max(1, worker.depth()));
  auto app_stats_at = Clock::now();
  Message in;
  for (;;) {
    // What is there goes to the worker before its results are waited for; but nobody waits for more
    // input while a result is on its way.
    if (under_way_.size() < depth && next_input(in, under_way_.empty())) {
      events_.taken();
      submit_one(worker, in);
      continue;
    }
    if (under_way_.empty() || stopping() || !collect_one(worker)) break;
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

// The time inside the worker's calls is what it computes: with several frames under way no moment
// counts twice.
void ComputeLane::submit_one(StageWorker& worker, Message& in) {
  LinkStats link;
  std::optional<std::string> instruction;
  {
    const std::lock_guard lock(mutex_);
    link = output_stats_;
    instruction = std::exchange(instruction_, std::nullopt);
  }
  under_way_.push_back({in.request_id, in.images});
  const auto start = Clock::now();
  if (instruction) worker.instructed(*instruction);
  worker.observe_output(link);
  worker.submit(in);
  const std::lock_guard lock(mutex_);
  stats_.compute_s += since(start);
}

bool ComputeLane::collect_one(StageWorker& worker) {
  const UnderWay frame = under_way_.front();
  under_way_.pop_front();
  Message out;
  const auto start = Clock::now();
  worker.collect(out);
  out.request_id = frame.request_id;
  {
    const std::lock_guard lock(mutex_);
    stats_.compute_s += since(start);
    stats_.images += frame.images;
  }
  return put_output(std::move(out));
}

bool ComputeLane::next_input(Message& message, bool may_wait) {
  std::unique_lock lock(mutex_);
  if (may_wait) {
    const auto start = Clock::now();
    input_changed_.wait(lock, [this] { return stopping_ || input_closed_ || !input_.empty(); });
    stats_.wait_input_s += since(start);
  }
  if (stopping_ || input_.empty()) return false;
  message = std::move(input_.front());
  input_.pop_front();
  return true;
}

bool ComputeLane::put_output(Message&& message) {
  std::unique_lock lock(mutex_);
  const auto start = Clock::now();
  output_changed_.wait(lock, [this] { return stopping_ || output_.size() < max_output; });
  stats_.wait_output_s += since(start);
  if (stopping_) return false;
  output_.push_back(std::move(message));
  return true;
}

bool ComputeLane::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void ComputeLane::refresh_app_stats(StageWorker& worker) {
  std::string text = worker.stats_json();
  if (text.size() > max_app_stats) text.clear();
  const std::lock_guard lock(mutex_);
  stats_.app_json = std::move(text);
}

}  // namespace quantring::net
