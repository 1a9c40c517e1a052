#pragma once
// Sockets, time and the compute lane for a NodeSession. Lives on the node's I/O thread. Internal to
// net.

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/hop/connection.h"
#include "net/ring/compute_lane.h"
#include "net/ring/node_session.h"
#include "net/ring/ring_node.h"

namespace quantring::net {

class NodeDriver final : public ConnectionOwner, public std::enable_shared_from_this<NodeDriver> {
 public:
  struct Host {
    EventLog log;
    std::function<void()> over;  // both connections are closed and the compute thread has ended
    std::mutex* turn;            // to compute (net/ring/compute_lane.h)
  };

  NodeDriver(asio::io_context& io, const NodeOptions& options, StageFactory factory, Host host,
             std::shared_ptr<Connection> upstream, const Hello& hello);

  void start();                         // answers the hello
  void fail(const std::string& error);  // sent to both neighbours; `over` follows
  const NodeSession& session() const { return session_; }
  void add_to(NodeState& state) const;  // counts of this session

  void on_hello(Connection& connection, const Hello& hello) override;
  void on_message(Connection& connection, Message&& message) override;
  void on_control(Connection& connection, const Control& control) override;
  void on_room(Connection&) override { perform(); }
  void on_peer_finished(Connection& connection) override;
  void on_tick(Connection& connection) override;
  void on_closed(Connection& connection, const Closed& closed) override;

 private:
  void perform();  // what the session asks for, and output of the compute to the downstream link
  bool pump();     // one frame of output; false: none, or no room
  void perform_one(ConnectLink& action);
  void perform_one(LinkAction& action);
  void perform_one(StartCompute& action);
  void perform_one(ComputeFrame& action) { lane_->push(std::move(action.message)); }
  void perform_one(InstructCompute& action) { lane_->instruct(action.json); }
  void perform_one(CloseComputeInput&) { lane_->close_input(); }
  void perform_one(StopCompute&) { lane_->stop(); }
  void perform_one(SendOwnStats&);
  void perform_one(SendOwnBye& action);
  void perform_one(LogLine& action) { host_.log(action.line); }
  void perform_one(SessionOver&);
  StageStats own_stats() const;
  LinkId id_of(const Connection& connection) const;
  // A callback for the compute thread: calls `event` of the session on the I/O thread, if this
  // driver lives then.
  template <typename Event>
  auto poster(Event event);

  asio::io_context& io_;
  StageFactory factory_;
  Host host_;
  NodeSession session_;
  std::shared_ptr<Connection> upstream_, downstream_;
  std::unique_ptr<ComputeLane> lane_;
  bool performing_ = false;
};

}  // namespace quantring::net
