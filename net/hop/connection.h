#pragma once
// One TCP connection with the protocol of a hop: sockets and time for a Link. Everything runs on
// the one thread of the io_context. Internal to net.

#include <utility>  // Asio 1.18 needs it and does not include it

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "net/hop/bandwidth_meter.h"
#include "net/hop/link.h"
#include "net/hop/socket.h"
#include "net/wire/address.h"

namespace quantring::net {

class Connection;

// Gets the events of a connection. May call back into it, and may replace itself as its owner.
class ConnectionOwner {
 public:
  virtual void on_hello(Connection& connection, const Hello& hello) = 0;
  virtual void on_message(Connection& connection, Message&& message) = 0;
  virtual void on_control(Connection& connection, const Control& control) = 0;
  virtual void on_room(Connection& connection) = 0;  // try submit again
  virtual void on_peer_finished(Connection& connection) = 0;
  virtual void on_tick(Connection&) {
  }  // ten times a second, after the link's counters were updated
  virtual void on_closed(Connection& connection, const Closed& closed) = 0;  // the last call

 protected:
  ~ConnectionOwner() = default;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Both return at once; events, failure to connect included, go to the owner, which must live
  // until on_closed or set_owner(nullptr).
  static std::shared_ptr<Connection> connect(asio::io_context& io, LinkConfig config,
                                             const Address& address, std::uint64_t bits_per_second,
                                             ConnectionOwner& owner);
  static std::shared_ptr<Connection> accepted(Tcp::socket socket, LinkConfig config,
                                              ConnectionOwner& owner);
  Connection(Tcp::socket socket, LinkConfig config, ConnectionOwner& owner);

  void set_owner(ConnectionOwner* owner) { owner_ = owner; }
  const Link& link() const { return link_; }
  std::string local_host() const;  // empty when the socket is closed
  std::string remote_host() const;

  // As in Link.
  void accept(const Hello& own);
  void grant(std::uint32_t frames);
  void control(ControlType type, const std::string& json);
  void instruct(const std::string& json);
  void finish();
  void bye(const std::string& json);
  void fail(const std::string& error);
  void set_peer(const std::string& peer) { link_.set_peer(peer); }
  void set_epoch(std::uint32_t epoch) { link_.set_epoch(epoch); }
  bool may_submit();
  void submit(Message&& message);

 private:
  static constexpr std::size_t inbox_bytes = 64 << 10;
  static Time now() { return std::chrono::steady_clock::now(); }
  using Self = std::shared_ptr<Connection>;
  // Coroutines have parameters by value: they outlive their callers.
  static asio::awaitable<void> run_connect(Self self, Address address, std::uint64_t pace_bits);
  static asio::awaitable<void> run_read(Self self);
  static asio::awaitable<void> run_write(Self self);
  static asio::awaitable<void> run_ticks(Self self);
  static asio::awaitable<void> run_meter(Self self);
  asio::awaitable<bool> read_more(std::byte* into, std::size_t room, std::size_t* got);
  asio::awaitable<bool> read_payload(Frame* frame);
  std::optional<BandwidthMeter::Sample> meter_sample();
  void meter_frame(const Frame& frame);  // before a data frame is written
  void meter_bytes();                    // while bytes are in flight
  void report_link(const std::optional<TcpInfo>& tcp);
  void start(asio::awaitable<void> coroutine);
  void coroutine_ended(std::exception_ptr failure);
  void begin_linger();
  void close_socket();
  void perform();  // the actions of the link
  void perform_one(Action& action);

  Tcp::socket socket_;
  Tcp::resolver resolver_;
  asio::steady_timer ticks_, meter_timer_;
  Link link_;
  BandwidthMeter meter_;
  std::uint64_t written_bytes_ = 0;    // given to the kernel
  std::uint64_t delivered_bytes_ = 0;  // at the latest sample of the meter
  bool metering_ = false;
  Time metered_{};
  ConnectionOwner* owner_;
  std::deque<Frame> outbox_;
  bool writing_ = false, performing_ = false;
  bool lingering_ = false;  // the link has closed; its last frames are still being sent
  bool failed_ = false;     // by an error
  Time linger_until_{};
  std::vector<std::byte> inbox_;  // bytes read ahead of the frame that is being parsed
  std::size_t inbox_begin_ = 0, inbox_end_ = 0;
  std::string remote_;
};

}  // namespace quantring::net
