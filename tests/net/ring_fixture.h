#pragma once
// Nodes in threads, messages whose content follows from their number, and the clock of the tests.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "net/ring_head.h"
#include "net/ring_node.h"
#include "ops/error.h"

namespace quantring::net {

// "noticed within 3 s" is what people are promised; sanitizers and a busy machine get twice that.
constexpr std::chrono::seconds noticed_within{6};

constexpr std::uint8_t test_codec = 1;

// The same number always gives the same message. Sizes from nothing to 40 KB.
inline Message numbered_message(std::uint64_t number) {
  std::minstd_rand random(static_cast<std::minstd_rand::result_type>(number * 2654435761u + 1));
  Message message;
  message.codec = test_codec;
  message.bits = static_cast<std::uint8_t>(2 + random() % 7);
  message.images = 1 + static_cast<std::uint32_t>(random() % 4);
  message.tokens = static_cast<std::uint32_t>(random() % 200);
  message.dim = static_cast<std::uint32_t>(random() % 800);
  message.scale = static_cast<float>(random() % 1000) / 8;
  message.offset = -message.scale / 2;
  message.payload.resize(random() % 8 == 0 ? random() % 40000 : random() % 400);
  for (auto& byte : message.payload) byte = static_cast<std::byte>(random());
  return message;
}

// What a worker of the tests does: adds one to each byte, so that a result shows through how many
// stages it went.
inline bool came_through(const Message& got, std::uint64_t number, int stages) {
  const Message sent = numbered_message(number);
  if (got.request_id != number || got.payload.size() != sent.payload.size() ||
      got.bits != sent.bits || got.images != sent.images || got.tokens != sent.tokens ||
      got.dim != sent.dim || got.scale != sent.scale || got.offset != sent.offset) {
    return false;
  }
  for (std::size_t i = 0; i < sent.payload.size(); ++i) {
    const auto expected =
        std::to_integer<unsigned>(sent.payload[i]) + static_cast<unsigned>(stages);
    if (got.payload[i] != static_cast<std::byte>(expected)) return false;
  }
  return true;
}

class AddOne : public StageWorker {
 public:
  void process(Message& in, Message& out) override {
    out = std::move(in);
    for (auto& byte : out.payload) {
      byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
    }
  }
};

inline std::unique_ptr<StageWorker> make_add_one(const std::string&, int, int) {
  return std::make_unique<AddOne>();
}

inline NodeOptions test_node_options() {
  NodeOptions options;
  options.listen = "127.0.0.1:0";
  options.codecs = {test_codec};
  return options;
}

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
  for (const auto& address : addresses) options.stages.push_back({address, "{}"});
  options.codecs = {test_codec};
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

// The text of the Error that `action` throws; "no error" without one.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Waits for something that another thread is about to make true.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + noticed_within;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace quantring::net
