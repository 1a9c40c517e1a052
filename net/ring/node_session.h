#pragma once
// One session on a node, from the plan to the goodbye: joins the upstream connection, the compute
// lane and the downstream connection. Lives on the node's I/O thread. Internal to net.

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/ring/compute_lane.h"
#include "net/hop/connection.h"
#include "net/wire/control.h"
#include "net/ring/ring_node.h"

namespace quantring::net {

class NodeSession final : public ConnectionOwner, public std::enable_shared_from_this<NodeSession> {
 public:
  struct Host {
    EventLog log;
    std::function<void()> over;  // both connections are closed and the compute thread has ended
  };

  NodeSession(asio::io_context& io, const NodeOptions& options, StageFactory factory, Host host,
              std::shared_ptr<Connection> upstream, const Hello& hello);

  void start();                                          // answers the hello
  void fail(const std::string& error);                   // tells both neighbours; `over` follows
  std::string own_name() const;                          // "stage 1 (10.0.0.12:7710)"
  const std::string& client() const { return client_; }  // host that the session came from

  void on_hello(Connection& connection, const Hello& hello) override;
  void on_message(Connection& connection, Message&& message) override;
  void on_control(Connection& connection, const Control& control) override;
  void on_room(Connection& connection) override;
  void on_peer_finished(Connection& connection) override;
  void on_tick(Connection& connection) override;
  void on_closed(Connection& connection, const Closed& closed) override;

 private:
  void begin(const std::string& plan);
  void start_lane();
  void lane_is_ready();
  void input_taken();
  void lane_failed(const std::string& error);
  void lane_exited();
  void connect_downstream();
  void tick();  // every half second: counters; before the plan: its deadline
  void announce_when_ready();
  void pump();  // output of the compute to the wire
  void end_orderly(const std::string& bye);
  void check_over();
  bool last() const { return plan_->stage + 1 == static_cast<int>(plan_->stages.size()); }
  StageStats own_stats() const;
  // A callback for the compute thread that runs `member` on the I/O thread, if the session lives
  // then.
  template <typename Member>
  auto poster(Member member);

  asio::io_context& io_;
  const NodeOptions& options_;
  StageFactory factory_;
  Host host_;
  std::shared_ptr<Connection> upstream_, downstream_;
  Hello upstream_hello_;
  std::string client_;
  asio::steady_timer timer_;
  std::optional<Plan> plan_;
  std::unique_ptr<ComputeLane> lane_;
  bool lane_ready_ = false, lane_done_ = false;
  bool downstream_ready_ = false, announced_ = false, finishing_ = false;
  bool upstream_closed_ = false, downstream_closed_ = false, over_ = false;
  std::string failure_;
};

}  // namespace quantring::net
