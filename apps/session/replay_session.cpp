#include "apps/session/replay_session.h"

#include <fmt/format.h>

#include <utility>

#include "ops/base/error.h"

namespace quantring {
namespace {

// Batches that wait for the sender where nothing else limits them.
constexpr std::size_t max_unsent = 2;
// Links are coded for more than a source gives, so that they do not become what is slowest.
constexpr double source_margin = 1.1;

double clock_s() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

ReplaySession::ReplaySession(Connect connect, ReplayOptions options)
    : connect_(std::move(connect)),
      options_(std::move(options)),
      session_(connect_()),
      delay_(options_.delays) {
  state_.connected_at = std::chrono::steady_clock::now();
  sender_ = std::thread([this] { send(); });
  receiver_ = std::thread([this] { receive(); });
}

ReplaySession::~ReplaySession() {
  stop();
  sender_.join();
  receiver_.join();
}

std::uint64_t ReplaySession::submit(PixelBatch&& batch) {
  std::unique_lock lock(mutex_);
  const bool drop = options_.on_loss == OnLoss::drop;
  changed_.wait(lock, [&] {
    return stopped_ || over_ || closed_ || has_room() || (drop && session_ == nullptr);
  });
  check_usable();
  if (drop && session_ == nullptr) {
    state_.dropped += batch.images;
    return next_id_++;
  }
  source_.arrived(batch.images, clock_s());
  unanswered_.push_back({next_id_, std::move(batch)});
  note_source();
  changed_.notify_all();
  const std::uint64_t id = next_id_++;
  const auto rate = source_.news(clock_s());
  const std::shared_ptr<BatchSession> session = session_;
  const bool told = expected_rate_ > 0;
  lock.unlock();
  if (rate && session && !told) session->expect_rate(source_margin * *rate);
  return id;
}

void ReplaySession::note_source() {
  source_.waits(session_ && !closed_ && sent_ == unanswered_.size() && has_room(), clock_s());
}

bool ReplaySession::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(
      lock, [&] { return stopped_ || over_ || closed_ || (session_ != nullptr && has_room()); });
  return !stopped_ && !over_ && !closed_;
}

bool ReplaySession::has_room() const {
  if (options_.max_unanswered > 0) return unanswered_.size() < options_.max_unanswered;
  return unanswered_.size() - sent_ < max_unsent;
}

void ReplaySession::check_usable() const {
  if (stopped_) throw Error("the session was stopped");
  if (failure_) std::rethrow_exception(failure_);
  if (closed_) throw Error("a picture was submitted after the input was closed");
  if (over_) throw Error("the session has ended");
}

void ReplaySession::close_input() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  note_source();
  changed_.notify_all();
}

std::optional<BatchAnswer> ReplaySession::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || over_ || !answers_.empty(); });
  return take();
}

std::optional<BatchAnswer> ReplaySession::try_next() {
  const std::lock_guard lock(mutex_);
  return take();
}

std::optional<BatchAnswer> ReplaySession::take() {
  if (stopped_) throw Error("the session was stopped");
  if (answers_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    return std::nullopt;
  }
  std::optional<BatchAnswer> answer = std::move(answers_.front());
  answers_.pop_front();
  changed_.notify_all();
  return answer;
}

bool ReplaySession::over() const {
  const std::lock_guard lock(mutex_);
  return stopped_ || (over_ && answers_.empty());
}

void ReplaySession::stop_reconnecting() noexcept {
  const std::lock_guard lock(mutex_);
  no_reconnect_ = true;
  changed_.notify_all();
}

void ReplaySession::stop() noexcept {
  std::shared_ptr<BatchSession> session;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    session = session_;
    changed_.notify_all();
  }
  if (session) session->stop();
}

void ReplaySession::expect_rate(double images_per_s) {
  std::shared_ptr<BatchSession> session;
  {
    const std::lock_guard lock(mutex_);
    expected_rate_ = images_per_s;
    session = session_;
  }
  if (session) session->expect_rate(images_per_s);
}

ReplayState ReplaySession::state() const {
  const std::lock_guard lock(mutex_);
  ReplayState state = state_;
  state.connected = session_ != nullptr;
  state.unanswered = unanswered_.size();
  return state;
}

template <typename T>
T ReplaySession::current(T (BatchSession::*read)() const, const T& last) const {
  std::shared_ptr<BatchSession> session;
  {
    const std::lock_guard lock(mutex_);
    if (over_ || session_ == nullptr) return last;
    session = session_;
  }
  return (*session.*read)();
}

net::RingStats ReplaySession::stats() const {
  return current(&BatchSession::stats, last_stats_);
}

OutputHistories ReplaySession::histories() const {
  return current(&BatchSession::histories, last_histories_);
}

RingLimit ReplaySession::limit() const {
  return current(&BatchSession::limit, last_limit_);
}

}  // namespace quantring
