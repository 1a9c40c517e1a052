// The threads of a ReplaySession: one submits, one receives and connects again.
#include <fmt/format.h>

#include <utility>

#include "apps/session/replay_session.h"
#include "ops/base/error.h"

namespace quantring {

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
  const RingLimit limit = session_->limit();
  std::unique_lock lock(mutex_);
  last_stats_ = stats;
  last_histories_ = histories;
  last_limit_ = limit;
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
