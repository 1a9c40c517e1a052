#pragma once
// Messages with content derived from their number, and the worker of the tests. No doctest here:
// a node in a process of its own uses it, too.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "net/ring/ring_node.h"
#include "net/wire/message.h"

namespace quantring::net {

// The same number always gives the same message. Sizes from nothing to 40 KB.
inline Message numbered_message(std::uint64_t number) {
  std::minstd_rand random(static_cast<std::minstd_rand::result_type>(number * 2654435761u + 1));
  Message message;
  message.images = 1 + static_cast<std::uint32_t>(random() % 4);
  message.payload.resize(random() % 8 == 0 ? random() % 40000 : random() % 400);
  for (auto& byte : message.payload) byte = static_cast<std::byte>(random());
  return message;
}

// The test worker adds one to each byte, so a result shows how many stages it passed.
inline bool came_through(const Message& got, std::uint64_t number, int stages) {
  const Message sent = numbered_message(number);
  if (got.request_id != number || got.payload.size() != sent.payload.size() ||
      got.images != sent.images) {
    return false;
  }
  for (std::size_t i = 0; i < sent.payload.size(); ++i) {
    const auto expected =
        std::to_integer<unsigned>(sent.payload[i]) + static_cast<unsigned>(stages);
    if (got.payload[i] != static_cast<std::byte>(expected)) return false;
  }
  return true;
}

// Keeps the frames in flight and computes when they are collected, as a GPU's worker does.
class AddOne : public StageWorker {
 public:
  explicit AddOne(int depth = 1) : depth_(depth) {}

  int depth() const override { return depth_; }
  void submit(Message& in) override { in_flight_.push_back(std::move(in)); }
  void collect(Message& out) override {
    out = std::move(in_flight_.front());
    in_flight_.pop_front();
    out.request_id = 12345;  // the ring overwrites it
    for (auto& byte : out.payload) {
      byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) + 1);
    }
  }

 private:
  int depth_;
  std::deque<Message> in_flight_;
};

inline std::unique_ptr<StageWorker> make_add_one(const std::string&, int, int) {
  return std::make_unique<AddOne>();
}

inline NodeOptions test_node_options() {
  NodeOptions options;
  options.listen = "127.0.0.1:0";
  return options;
}

}  // namespace quantring::net
