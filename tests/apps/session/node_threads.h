#pragma once
// Nodes of a ring as threads of the test, on loopback, through the public API.

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "apps/session/quantring.h"

namespace quantring::test {

class NodeThreads {
 public:
  NodeThreads(const std::string& model, int count) : model_(model) {
    for (int i = 0; i < count; ++i) {
      nodes_.emplace_back();
      start(nodes_.back(), "127.0.0.1:0");
      addresses_.push_back(nodes_.back().address);
    }
  }
  ~NodeThreads() {
    for (Node& node : nodes_) stop(node);
  }
  NodeThreads(const NodeThreads&) = delete;
  NodeThreads& operator=(const NodeThreads&) = delete;

  const std::vector<std::string>& addresses() const { return addresses_; }

  // Ends a node and starts another one on the same port.
  void restart(std::size_t index) {
    auto node = std::next(nodes_.begin(), static_cast<std::ptrdiff_t>(index));
    stop(*node);
    node->token = StopToken();
    start(*node, node->address);
  }

 private:
  struct Node {
    StopToken token;
    std::thread thread;
    std::string address;
  };

  void start(Node& node, const std::string& listen) {
    struct State {
      std::mutex mutex;
      std::condition_variable changed;
      std::uint16_t port = 0;
      std::string error;
    };
    const auto state = std::make_shared<State>();
    node.thread = std::thread([state, token = node.token, model = model_, listen] {
      NodeOptions options;
      options.model = model;
      options.listen = listen;
      options.compute.device = "cpu";
      options.compute.threads = 1;
      options.ready = [&](std::uint16_t port) {
        const std::lock_guard lock(state->mutex);
        state->port = port;
        state->changed.notify_all();
      };
      try {
        run_node(options, token);
      } catch (const std::exception& failed) {
        const std::lock_guard lock(state->mutex);
        state->error = failed.what();
        state->changed.notify_all();
      }
    });
    std::unique_lock lock(state->mutex);
    state->changed.wait(lock, [&] { return state->port != 0 || !state->error.empty(); });
    if (!state->error.empty()) {
      lock.unlock();
      node.thread.join();
      throw std::runtime_error(state->error);
    }
    const std::uint16_t port = state->port;
    node.address = "127.0.0.1:" + std::to_string(port);
  }

  static void stop(Node& node) {
    node.token.stop();
    if (node.thread.joinable()) node.thread.join();
  }

  std::string model_;
  std::list<Node> nodes_;
  std::vector<std::string> addresses_;
};

// Differs from byte to byte.
inline std::vector<std::uint8_t> random_pixels(std::size_t bytes) {
  std::vector<std::uint8_t> pixels(bytes);
  std::uint32_t state = 12345;
  for (auto& pixel : pixels) {
    pixel = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  }
  return pixels;
}

}  // namespace quantring::test
