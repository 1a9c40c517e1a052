#pragma once
// Sockets and time for a HeadSession: connects to stage 0, accepts the last stage's connection, and
// reports the session's progress. Lives on the head's I/O thread. Internal to net.

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/hop/connection.h"
#include "net/ring/head_session.h"

namespace quantring::net {

class HeadDriver final : public ConnectionOwner {
 public:
  // Called on the I/O thread.
  struct Events {
    std::function<void()> ready;
    std::function<void()> room;  // stage 0 may take a frame: call submit while may_submit
    std::function<void(Message&&)> result;           // call consumed when the app has taken it
    std::function<void()> results_ended;             // there will be no more
    std::function<void()> counted;                   // counters have changed
    std::function<void()> done;                      // every node said goodbye
    std::function<void(const std::string&)> failed;  // once; nothing follows
  };

  HeadDriver(asio::io_context& io, const HeadOptions& options, std::uint64_t session,
             Events events);

  void start();
  bool may_submit();
  bool sending() const;  // to stage 0
  void submit(Message&& message);
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
  void perform();  // what the session asks for
  void perform_one(ConnectLink& action);
  void perform_one(LinkAction& action);
  void perform_one(OpenReturnPort&);
  void perform_one(CloseReturnPort&);
  void perform_one(RingReady&);
  void perform_one(ResultArrived& action) { events_.result(std::move(action.message)); }
  void perform_one(ResultsEnded&) { events_.results_ended(); }
  void perform_one(CountsChanged&) { events_.counted(); }
  void perform_one(SessionDone&) { events_.done(); }
  void perform_one(SessionFailed& action) { events_.failed(action.error); }
  void accepted(Tcp::socket socket);
  Connection* find(LinkId link) const;  // nothing when it was never made, or was refused
  LinkId id_of(const Connection& connection) const;

  asio::io_context& io_;
  const HeadOptions& options_;
  HeadSession session_;
  Events events_;
  Acceptor acceptor_;
  std::map<LinkId, std::shared_ptr<Connection>> links_;
  bool performing_ = false;
  bool room_ = false;  // to be reported when the session's actions are done
};

}  // namespace quantring::net
