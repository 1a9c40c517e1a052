#pragma once
// A session that keeps every batch until it is answered. When its ring is lost it can connect again
// and submit the unanswered batches again, so that each is answered once, in order.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "apps/session/batch_session.h"
#include "apps/session/source_rate.h"
#include "engine/camera/reopen_delay.h"

namespace quantring {

// What happens when the ring is lost.
enum class OnLoss : std::uint8_t {
  fail,    // the session ends with the error
  replay,  // connect again; unanswered batches are submitted again
  drop,    // connect again; unanswered batches are dropped: of a live source they are old by then
};

struct ReplayOptions {
  OnLoss on_loss = OnLoss::fail;
  // Batches submitted and not answered; 0: as many as the session below takes.
  std::size_t max_unanswered = 0;
  // Answers that next() has not taken, before no more are received; 0: no limit.
  std::size_t max_answers = 0;
  // Between attempts to connect: a node that is back is soon used.
  ReopenDelays delays{std::chrono::milliseconds(1000), std::chrono::milliseconds(2000)};
  std::function<void(const std::string& line)> log;  // lost, and back; may be empty
};

// So many batches keep every stage and link of a ring busy: more would only wait in queues, which
// files do not mind and live pictures do. stages: 0 without a ring.
constexpr std::size_t max_unanswered_batches(bool live, std::size_t stages) {
  if (live) return stages == 0 ? 2 : 2 * stages + 1;
  return 16 > 4 * (stages + 1) ? 16 : 4 * (stages + 1);
}

// The answer of one batch.
struct BatchAnswer {
  std::uint64_t id = 0;  // that submit returned
  std::uint32_t images = 0;
  std::vector<float> logits;  // [images, classes]
};

struct ReplayState {
  bool connected = true;
  std::string error;           // why it is not, and when the next attempt is
  std::uint64_t answered = 0;  // images
  std::chrono::steady_clock::time_point last_answer{};
  std::chrono::steady_clock::time_point connected_at{};  // the last time
  std::uint64_t dropped = 0;                             // images of OnLoss::drop
  std::uint64_t reconnects = 0;
  std::size_t unanswered = 0;  // batches
};

// Every function may be called from any thread.
class ReplaySession {
 public:
  using Connect = std::function<std::unique_ptr<BatchSession>()>;

  // Connects at once, on the calling thread; later on a thread of this object. Throws what
  // `connect` throws.
  ReplaySession(Connect connect, ReplayOptions options);
  ~ReplaySession();  // stop(), and waits for an attempt to connect that is being made
  ReplaySession(const ReplaySession&) = delete;
  ReplaySession& operator=(const ReplaySession&) = delete;

  // Blocks while there is no room; returns 0, 1, 2 ... Throws Error when the session has failed or
  // was stopped, and after close_input().
  std::uint64_t submit(PixelBatch&& batch);
  // Blocks until submit() would not, and the ring is connected. False: the session is over.
  bool wait_for_room();
  void close_input();  // nothing more will be submitted

  // Answers in order of submission; nothing after the last. Throws what ended the session.
  std::optional<BatchAnswer> next();
  // As next(), but nothing at once when there is none yet; over() tells the difference.
  std::optional<BatchAnswer> try_next();
  bool over() const;  // there will be no more answers

  // Ends the session when the ring is lost, or is lost now, instead of connecting again.
  void stop_reconnecting() noexcept;
  void stop() noexcept;  // blocked and later calls throw Error("the session was stopped")

  // BatchSession::expect_rate; without it the rate at which pictures were submitted counts.
  void expect_rate(double images_per_s);
  ReplayState state() const;
  net::RingStats stats() const;  // of the ring as it is or was last connected; exact when over
  OutputHistories histories() const;
  RingLimit limit() const;

 private:
  struct Unanswered {
    std::uint64_t id;
    PixelBatch batch;
  };

  bool has_room() const;  // under mutex_
  void note_source();     // under mutex_
  // What the session reports while there is one, else `last`.
  template <typename T>
  T current(T (BatchSession::*read)() const, const T& last) const;
  void check_usable() const;          // under mutex_
  std::optional<BatchAnswer> take();  // under mutex_
  void send();                        // the sender's thread
  void receive();                     // the receiver's thread
  bool receive_all();                 // false: the ring is lost, and `lost_cause_` says why
  void add_answer(std::vector<float>&& logits);
  bool reconnect();  // false: the session is over
  void end(std::exception_ptr failure);

  const Connect connect_;
  const ReplayOptions options_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::shared_ptr<BatchSession> session_;  // none while the ring is lost
  std::deque<Unanswered> unanswered_;      // the first `sent_` were submitted to session_
  std::size_t sent_ = 0;
  std::deque<BatchAnswer> answers_;
  std::uint64_t next_id_ = 0;
  bool closed_ = false, close_sent_ = false, sending_ = false;
  bool stopped_ = false, no_reconnect_ = false, over_ = false;
  std::string send_error_, lost_cause_;
  std::exception_ptr failure_;
  ReplayState state_;
  double expected_rate_ = 0;
  SourceRate source_;
  net::RingStats last_stats_;  // of a session that is gone
  OutputHistories last_histories_;
  RingLimit last_limit_;
  ReopenDelay delay_;

  std::thread sender_, receiver_;  // last: they use all of the above
};

}  // namespace quantring
