#pragma once
// The head's I/O side: connects to stage 0, takes the last stage's connection, and tells the ring's
// state. Lives on the head's I/O thread. Internal to net.

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "net/hop/connection.h"
#include "net/wire/control.h"
#include "net/ring/ring_head.h"

namespace quantring::net {

class HeadLink final : public ConnectionOwner {
 public:
  // Called on the I/O thread.
  struct Events {
    std::function<void()> ready;
    std::function<void()> room;  // stage 0 may take a frame: call submit while may_submit
    std::function<void(Message&&)> result;           // call consumed when the app has taken it
    std::function<void()> last_result;               // there will be no more
    std::function<void()> counted;                   // counters have changed
    std::function<void()> done;                      // every node said goodbye
    std::function<void(const std::string&)> failed;  // once; nothing follows
  };

  HeadLink(asio::io_context& io, const HeadOptions& options, std::uint64_t session, Events events);

  void start();
  bool may_submit() { return ready_ && !over_ && first_->may_submit(); }
  void submit(Message&& message) { first_->submit(std::move(message)); }
  void consumed(std::uint32_t results);
  void instruct(const std::string& json);
  void finish();  // after the last submit
  void fail(const std::string& error);
  RingStats stats() const;

  void on_hello(Connection& connection, const Hello& hello) override;
  void on_message(Connection& connection, Message&& message) override;
  void on_control(Connection& connection, const Control& control) override;
  void on_room(Connection& connection) override;
  void on_peer_finished(Connection& connection) override;
  void on_tick(Connection& connection) override;
  void on_closed(Connection& connection, const Closed& closed) override;

 private:
  void send_plan();
  void stranger(Tcp::socket socket);
  void return_hello(Connection& connection, const Hello& hello);
  void keep_stats(const std::string& json);
  void leave();  // lets go of the listener and the strangers

  asio::io_context& io_;
  const HeadOptions& options_;
  const std::uint64_t session_;
  Events events_;
  asio::steady_timer ready_timer_;
  Acceptor acceptor_;
  std::shared_ptr<Connection> first_, return_;
  std::list<std::shared_ptr<Connection>> strangers_;
  std::vector<StageStats> stages_;
  bool ready_ = false, over_ = false;
};

}  // namespace quantring::net
