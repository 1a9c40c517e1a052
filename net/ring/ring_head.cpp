#include "net/ring/ring_head.h"

#include <fmt/format.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <string_view>
#include <thread>
#include <utility>

#include "net/ring/head_driver.h"
#include "net/ring/stop_signal.h"
#include "net/wire/address.h"
#include "net/wire/control.h"
#include "ops/base/error.h"

namespace quantring::net {
namespace {

constexpr std::chrono::milliseconds busy_retry_every{200};

std::uint64_t random_session() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

void check(const HeadOptions& options) {
  if (options.stages.empty() || options.stages.size() > max_stages) {
    throw Error(
        fmt::format("a ring has 1 to {} stages, not {}", max_stages, options.stages.size()));
  }
  for (const HeadStage& stage : options.stages) parse_address(stage.address);
  if (!options.listen.empty()) parse_address(options.listen);
  if (options.credits < 1 || options.credits > max_credits) {
    throw Error(fmt::format("credits must be 1 to {}, not {}", max_credits, options.credits));
  }
}

}  // namespace

// Shared by the app's threads and the I/O thread, under `mutex`; `driver` belongs to the I/O
// thread.
struct RingHead::Impl {
  explicit Impl(HeadOptions head_options);
  ~Impl();

  void wait_until_ready();
  bool accepts(std::unique_lock<std::mutex>& lock, bool wait);
  std::uint64_t enqueue(Message&& message);
  std::optional<Message> take(bool wait);
  void keep_results();           // under mutex
  void throw_if_failed() const;  // under mutex

  // On the I/O thread.
  HeadDriver::Events events();
  void pump();
  void pass_instruction();

  const HeadOptions options;
  asio::io_context io{1};
  StopSignal stop_signal;
  HeadDriver driver;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Message> outgoing;  // at most one: the rest waits in submit
  std::deque<Message> results;   // at most options.credits, unless keep_all
  std::uint64_t next_request = 0;
  bool ready = false, input_closed = false, finish_sent = false, results_ended = false,
       done = false;
  std::optional<std::string> instruction;  // not taken by the I/O thread yet
  bool keep_all = false;  // finish() waits: results are kept, and credit is granted at once
  std::string error;
  RingStats stats;

  std::thread thread;  // last: it uses all the rest
};

RingHead::Impl::Impl(HeadOptions head_options)
    : options(std::move(head_options)),
      stop_signal(io, [this] { driver.fail("the session was stopped"); }),
      driver(io, options, random_session(), events()) {
  thread = std::thread([this] {
    driver.start();
    io.run();  // until every connection is closed
  });
}

RingHead::Impl::~Impl() {
  asio::post(io, [this] {
    driver.fail("the head ended the session");
    stop_signal.cancel();
  });
  thread.join();
}

HeadDriver::Events RingHead::Impl::events() {
  HeadDriver::Events events;
  const auto under_lock = [this](auto change) {
    const std::lock_guard lock(mutex);
    change();
    changed.notify_all();
  };
  events.ready = [this, under_lock] {
    under_lock([this] {
      stats = driver.stats();
      ready = true;
    });
  };
  events.room = [this] { pump(); };
  events.result = [this, under_lock](Message&& message) {
    bool keep = false;
    under_lock([&] {
      results.push_back(std::move(message));
      keep = keep_all;
    });
    if (keep) driver.consumed(1);
  };
  events.results_ended = [this, under_lock] { under_lock([this] { results_ended = true; }); };
  events.counted = [this, under_lock] { under_lock([this] { stats = driver.stats(); }); };
  events.done = [this, under_lock] {
    under_lock([this] {
      stats = driver.stats();
      done = true;
    });
  };
  events.failed = [this, under_lock](const std::string& text) {
    under_lock([&] {
      error = text;
      stats = driver.stats();
    });
  };
  return events;
}

void RingHead::Impl::pump() {
  while (driver.may_submit()) {
    Message message;
    std::optional<std::string> first;  // a frame must not overtake an earlier instruction
    {
      const std::lock_guard lock(mutex);
      if (outgoing.empty()) break;
      message = std::move(outgoing.front());
      outgoing.pop_front();
      first = std::exchange(instruction, std::nullopt);
      changed.notify_all();
    }
    if (first) driver.instruct(*first);
    driver.submit(std::move(message));
  }
  bool finish = false;
  {
    const std::lock_guard lock(mutex);
    if (ready && input_closed && outgoing.empty()) finish = !std::exchange(finish_sent, true);
  }
  if (finish) driver.finish();
}

void RingHead::Impl::pass_instruction() {
  std::optional<std::string> json;
  {
    const std::lock_guard lock(mutex);
    json = std::exchange(instruction, std::nullopt);
  }
  if (json) driver.instruct(*json);
}

void RingHead::Impl::throw_if_failed() const {
  if (!error.empty()) throw Error(error);
}

void RingHead::Impl::wait_until_ready() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return ready || !error.empty(); });
  throw_if_failed();
}

bool RingHead::Impl::accepts(std::unique_lock<std::mutex>& lock, bool wait) {
  const auto room = [this] { return outgoing.empty() || input_closed || !error.empty(); };
  if (wait) changed.wait(lock, room);
  throw_if_failed();
  if (input_closed) throw Error("a frame was submitted after the input was closed");
  return outgoing.empty();
}

std::uint64_t RingHead::Impl::enqueue(Message&& message) {
  message.request_id = next_request++;
  const std::uint64_t id = message.request_id;
  outgoing.push_back(std::move(message));
  asio::post(io, [this] { pump(); });
  return id;
}

std::optional<Message> RingHead::Impl::take(bool wait) {
  std::unique_lock lock(mutex);
  const auto available = [this] { return !results.empty() || results_ended || !error.empty(); };
  if (wait) changed.wait(lock, available);
  throw_if_failed();
  if (results.empty()) return std::nullopt;
  std::optional<Message> message = std::move(results.front());
  results.pop_front();
  if (!keep_all) asio::post(io, [this] { driver.consumed(1); });
  return message;
}

// Only frames in flight can still arrive; the credits of the ring bound them.
void RingHead::Impl::keep_results() {
  if (std::exchange(keep_all, true)) return;
  const auto waiting = static_cast<std::uint32_t>(results.size());
  if (waiting > 0) asio::post(io, [this, waiting] { driver.consumed(waiting); });
}

RingHead::RingHead(HeadOptions options) {
  check(options);
  const auto deadline = std::chrono::steady_clock::now() + options.busy_patience;
  for (bool said = false;; said = true) {
    impl_ = std::make_unique<Impl>(options);
    try {
      impl_->wait_until_ready();
      return;
    } catch (const Error& error) {
      const bool busy = std::string_view(error.what()).find(busy_text) != std::string_view::npos;
      if (!busy || std::chrono::steady_clock::now() >= deadline) throw;
      const std::string text = error.what();
      if (!said && options.waits)
        options.waits(fmt::format("{}; trying again for {} s", text.substr(0, text.find(';')),
                                  options.busy_patience.count() / 1000));
    }
    impl_.reset();
    std::this_thread::sleep_for(busy_retry_every);
  }
}

RingHead::~RingHead() = default;

std::uint64_t RingHead::submit(Message&& message) {
  std::unique_lock lock(impl_->mutex);
  impl_->accepts(lock, true);
  return impl_->enqueue(std::move(message));
}

void RingHead::wait_for_room() {
  std::unique_lock lock(impl_->mutex);
  impl_->accepts(lock, true);
}

bool RingHead::sending() const {
  struct Answer {
    bool given = false, sending = false;
  };
  const auto answer = std::make_shared<Answer>();
  std::unique_lock lock(impl_->mutex);
  asio::post(impl_->io, [impl = impl_.get(), answer] {
    const bool sending = impl->driver.sending();
    const std::lock_guard answered(impl->mutex);
    *answer = {true, sending};
    impl->changed.notify_all();
  });
  impl_->changed.wait(lock, [&] { return answer->given || impl_->done || !impl_->error.empty(); });
  return answer->sending;
}

bool RingHead::try_submit(Message& message) {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->accepts(lock, false)) return false;
  impl_->enqueue(std::move(message));
  return true;
}

void RingHead::close_input() {
  const std::lock_guard lock(impl_->mutex);
  impl_->input_closed = true;
  impl_->changed.notify_all();
  asio::post(impl_->io, [impl = impl_.get()] { impl->pump(); });
}

std::optional<Message> RingHead::next_result() {
  return impl_->take(true);
}

std::optional<Message> RingHead::try_next_result() {
  return impl_->take(false);
}

RingStats RingHead::finish() {
  close_input();
  std::unique_lock lock(impl_->mutex);
  impl_->keep_results();
  impl_->changed.wait(lock, [this] { return impl_->done || !impl_->error.empty(); });
  impl_->throw_if_failed();
  return impl_->stats;
}

RingStats RingHead::stats() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->stats;
}

void RingHead::instruct(const std::string& json) {
  if (json.size() > max_instruction_bytes) {
    throw Error(
        fmt::format("an instruction for the stages of {} bytes is too long, the limit is {}",
                    json.size(), max_instruction_bytes));
  }
  const std::lock_guard lock(impl_->mutex);
  const bool posted = impl_->instruction.has_value();
  impl_->instruction = json;
  if (!posted) asio::post(impl_->io, [impl = impl_.get()] { impl->pass_instruction(); });
}

void RingHead::stop() noexcept {
  impl_->stop_signal.raise();
}

}  // namespace quantring::net
