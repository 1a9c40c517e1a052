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

void ReplaySession::send() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto to_send = [this] { return sent_ < unanswered_.size(); };
    changed_.wait(lock, [&] {
      return stopped_ || over_ ||
             (session_ != nullptr && send_error_.empty() &&
              (to_send() || (closed_ && !close_sent_)));
    });
    if (stopped_ || over_) return;
    const std::shared_ptr<BatchSession> session = session_;
    std::optional<PixelBatch> batch;
    if (to_send()) {
      PixelBatch& next = unanswered_[sent_++].batch;
      batch.emplace();
      batch->images = next.images;
      if (options_.on_loss == OnLoss::replay) {
        batch->pixels = next.pixels;
      } else {
        batch->pixels = std::move(next.pixels);
      }
      note_source();
    } else {
      close_sent_ = true;
    }
    sending_ = true;
    changed_.notify_all();
    lock.unlock();
    std::string error;
    try {
      if (batch) {
        session->submit(std::move(*batch));
      } else {
        session->close_input();
      }
    } catch (const std::exception& failed) {
      error = failed.what();
      session->stop();  // wakes the receiver
    }
    lock.lock();
    sending_ = false;
    if (!error.empty()) send_error_ = error;
    changed_.notify_all();
  }
}

void ReplaySession::receive() {
  try {
    while (!receive_all()) {
      if (!reconnect()) return;
    }
    end(nullptr);
  } catch (...) {
    end(std::current_exception());
  }
}

bool ReplaySession::receive_all() {
  std::shared_ptr<BatchSession> session;
  {
    const std::lock_guard lock(mutex_);
    session = session_;
    if (stopped_) throw Error("the session was stopped");
  }
  std::string cause;
  try {
    std::vector<float> logits;
    while (session->next(logits)) add_answer(std::move(logits));
    const net::RingStats exact = session->finish();
    const OutputHistories histories = session->histories();
    const RingLimit limit = session->limit();
    const std::lock_guard lock(mutex_);
    last_stats_ = exact;
    last_histories_ = histories;
    last_limit_ = limit;
    return true;
  } catch (const Error& error) {
    cause = error.what();
  }
  session->stop();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !sending_; });
  // The sender's error is the cause where this one only says that the session was stopped.
  lost_cause_ = send_error_.empty() ? cause : send_error_;
  send_error_ = lost_cause_;  // nothing more is sent to this session
  return false;
}

void ReplaySession::add_answer(std::vector<float>&& logits) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    return stopped_ || options_.max_answers == 0 || answers_.size() < options_.max_answers;
  });
  if (sent_ == 0) throw Error("an answer came that belongs to no batch");
  const Unanswered& answered = unanswered_.front();
  state_.answered += answered.batch.images;
  state_.last_answer = std::chrono::steady_clock::now();
  answers_.push_back({answered.id, answered.batch.images, std::move(logits)});
  logits = {};
  unanswered_.pop_front();
  --sent_;
  note_source();
  delay_.reset();
  changed_.notify_all();
}

bool ReplaySession::reconnect() {
  std::shared_ptr<BatchSession> lost;
  const net::RingStats stats = session_->stats();  // only this thread changes session_
  const OutputHistories histories = session_->histories();
  std::unique_lock lock(mutex_);
  last_stats_ = stats;
  last_histories_ = histories;
  if (stopped_ || options_.on_loss == OnLoss::fail) throw Error(lost_cause_);
  lost = std::move(session_);
  session_.reset();
  sent_ = 0;
  close_sent_ = false;
  send_error_.clear();
  if (options_.on_loss == OnLoss::drop) {
    for (const Unanswered& each : unanswered_) state_.dropped += each.batch.images;
    unanswered_.clear();
  }
  note_source();
  changed_.notify_all();
  lock.unlock();
  lost.reset();  // ends the session on the nodes that are left, which may take a moment
  lock.lock();
  std::string logged;  // each cause once
  for (;;) {
    if ((closed_ && unanswered_.empty()) || no_reconnect_ || stopped_) {
      lock.unlock();
      end(nullptr);
      return false;
    }
    const auto wait = delay_.next();
    state_.error = fmt::format("the ring is lost: {}; trying again in {} s", lost_cause_,
                               std::chrono::duration_cast<std::chrono::seconds>(wait).count());
    const std::string line = "error: " + state_.error;
    lock.unlock();
    if (options_.log && lost_cause_ != logged) options_.log(line);
    logged = lost_cause_;
    lock.lock();
    changed_.wait_for(lock, wait, [this] { return stopped_ || no_reconnect_; });
    if (stopped_ || no_reconnect_) continue;
    lock.unlock();
    std::shared_ptr<BatchSession> session;
    std::string error;
    try {
      session = connect_();
    } catch (const Error& failed) {
      error = failed.what();
    }
    lock.lock();
    if (!session) {
      lost_cause_ = error;
      continue;
    }
    session_ = session;
    note_source();
    state_.error.clear();
    ++state_.reconnects;
    state_.connected_at = std::chrono::steady_clock::now();
    const double rate = expected_rate_;
    changed_.notify_all();
    lock.unlock();
    if (rate > 0) session->expect_rate(rate);
    if (options_.log) options_.log("the ring is back");
    return true;
  }
}

void ReplaySession::end(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  over_ = true;
  failure_ = failure;
  changed_.notify_all();
}

}  // namespace quantring
