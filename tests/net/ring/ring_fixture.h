#pragma once
// Nodes in threads, and a session that checks every result.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "net/ring/ring_head.h"
#include "net/ring/ring_node.h"
#include "ops/base/error.h"
#include "tests/net/wire/test_messages.h"
#include "tests/support/texts.h"

namespace quantring::net {

// Documented is 3 s; sanitizers and a busy machine take longer.
constexpr std::chrono::seconds noticed_within{15};

// A node on a thread of its own, stopped and joined at the end.
class NodeThread {
 public:
  explicit NodeThread(StageFactory factory = make_add_one,
                      NodeOptions options = test_node_options())
      : node_(options, std::move(factory), [this](std::string line) { keep(std::move(line)); }),
        thread_([this] { node_.run(); }) {}
  ~NodeThread() {
    node_.stop();
    thread_.join();
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", node_.port()); }
  std::uint16_t port() const { return node_.port(); }
  RingNode& node() { return node_; }
  std::string log() const {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  void keep(std::string line) {
    const std::lock_guard lock(mutex_);
    log_ += line + "\n";
  }

  mutable std::mutex mutex_;
  std::string log_;
  RingNode node_;
  std::thread thread_;
};

inline HeadOptions head_for(const std::vector<std::string>& addresses) {
  HeadOptions options;
  options.busy_patience = {};
  for (const auto& address : addresses) options.stages.push_back({address, "{}"});
  return options;
}

// Feeds `count` messages on a second thread and checks each result on this one.
inline RingStats run_session(RingHead& head, std::uint64_t count, int stages) {
  std::thread feeder([&head, count] {
    for (std::uint64_t i = 0; i < count; ++i) head.submit(numbered_message(i));
    head.close_input();
  });
  std::uint64_t received = 0, wrong = 0;
  while (const auto result = head.next_result()) {
    if (!came_through(*result, received, stages)) ++wrong;
    ++received;
  }
  feeder.join();
  CHECK(received == count);
  CHECK(wrong == 0);
  return head.finish();
}

using test::contains;
using test::error_of;

// Waits for a condition that another thread makes true.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + noticed_within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace quantring::net
