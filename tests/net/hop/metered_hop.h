#pragma once
// A hop whose two ends are in the two namespaces of a ShapedLink, and a sender that sends frames of
// one size at one rate and records the meter's reading before each.

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "net/hop/connection.h"
#include "tests/net/hop/shaped_link.h"

namespace quantring::net {

struct Traffic {
  std::size_t frame_bytes = 0;
  double bits_per_second = 0;  // of payload; 0: as fast as possible
  double seconds = 1;
};

struct Reading {
  double time_s;  // since the traffic began
  LinkCapacity capacity;
};

class MeteredHop {
 public:
  // port: of a proxy in front of the receiver, when there is one.
  explicit MeteredHop(const ShapedLink& shaped, std::uint64_t pace_bits = 0,
                      const std::function<std::uint16_t(std::uint16_t)>& between = {}) {
    std::uint16_t port = 0;
    shaped.in_b([&] {
      acceptor_.emplace(receiver_io_, Tcp::endpoint(asio::ip::make_address("10.77.0.2"), 0));
      port = acceptor_->local_endpoint().port();
      acceptor_->async_accept([this](const asio::error_code&, Tcp::socket socket) {
        tune(socket);
        receiver_.connection =
            Connection::accepted(std::move(socket), config(LinkEnd::receiver), receiver_);
      });
      if (between) port = between(port);
    });
    receiver_thread_ = std::thread([this] { receiver_io_.run(); });
    shaped.in_a([&] {
      // The socket is opened by the thread that runs this.
      sender_.connection = Connection::connect(sender_io_, config(LinkEnd::sender),
                                               {"10.77.0.2", port}, pace_bits, sender_);
      sender_io_.poll();
    });
    sender_thread_ = std::thread([this] { sender_io_.run(); });
    sender_.open.get_future().wait_for(std::chrono::seconds(5));
  }
  ~MeteredHop() {
    for (End* end : {static_cast<End*>(&sender_), static_cast<End*>(&receiver_)}) {
      asio::post(end == &sender_ ? sender_io_ : receiver_io_, [end] {
        if (end->connection) end->connection->fail("the test is over");
      });
    }
    sender_work_.reset();
    receiver_work_.reset();
    sender_thread_.join();
    receiver_thread_.join();
  }

  std::vector<Reading> run(const Traffic& traffic) {
    std::promise<std::vector<Reading>> done;
    asio::post(sender_io_, [&] { sender_.begin(traffic, &done); });
    return done.get_future().get();
  }
  LinkStats stats() {
    std::promise<LinkStats> stats;
    asio::post(sender_io_, [&] { stats.set_value(sender_.connection->link().stats()); });
    return stats.get_future().get();
  }

 private:
  using Clock = std::chrono::steady_clock;

  static LinkConfig config(LinkEnd end) {
    LinkConfig config;
    config.end = end;
    config.hello.version = "1";
    config.peer = end == LinkEnd::sender ? "the receiver" : "the sender";
    return config;
  }

  struct End : ConnectionOwner {
    void on_hello(Connection&, const Hello&) override {}
    void on_message(Connection&, Message&&) override {}
    void on_control(Connection&, const Control&) override {}
    void on_room(Connection&) override {}
    void on_peer_finished(Connection&) override {}
    void on_closed(Connection&, const Closed&) override {}
    std::shared_ptr<Connection> connection;
  };

  struct Receiver final : End {
    void on_hello(Connection& from, const Hello&) override {
      from.accept(config(LinkEnd::receiver).hello);
      from.grant(4);
    }
    void on_message(Connection& from, Message&&) override { from.grant(1); }
  };

  struct Sender final : End {
    explicit Sender(asio::io_context& io) : timer(io) {}

    void begin(const Traffic& what, std::promise<std::vector<Reading>>* to) {
      traffic = what;
      done = to;
      readings.clear();
      start = due = Clock::now();
      pump();
    }
    void pump() {
      if (!done) return;
      const auto now = Clock::now();
      if (now - start >= std::chrono::duration<double>(traffic.seconds)) {
        timer.cancel();
        return std::exchange(done, nullptr)->set_value(std::move(readings));
      }
      timer.expires_at(due > now ? due : now + std::chrono::milliseconds(20));
      timer.async_wait([this](const asio::error_code& cancelled) {
        if (!cancelled) pump();
      });
      if (now < due || !connection->may_submit()) return;
      const LinkStats& stats = connection->link().stats();
      readings.push_back({std::chrono::duration<double>(now - start).count(),
                          {stats.capacity, stats.capacity_bps}});
      if (traffic.bits_per_second > 0) {
        due = std::max(due, now - std::chrono::milliseconds(100)) +
              std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                  8.0 * static_cast<double>(traffic.frame_bytes) / traffic.bits_per_second));
      }
      Message message;
      message.request_id = connection->link().stats().frames;
      message.payload.resize(traffic.frame_bytes);
      connection->submit(std::move(message));
    }
    void on_room(Connection&) override {
      if (!std::exchange(opened, true)) open.set_value();
      pump();
    }

    asio::steady_timer timer;
    Traffic traffic;
    std::promise<void> open;
    bool opened = false;
    std::promise<std::vector<Reading>>* done = nullptr;
    std::vector<Reading> readings;
    Clock::time_point start, due;
  };

  asio::io_context sender_io_{1}, receiver_io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> sender_work_{
      sender_io_.get_executor()},
      receiver_work_{receiver_io_.get_executor()};
  std::optional<Tcp::acceptor> acceptor_;
  Sender sender_{sender_io_};
  Receiver receiver_;
  std::thread sender_thread_, receiver_thread_;
};

}  // namespace quantring::net
