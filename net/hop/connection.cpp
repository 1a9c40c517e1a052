// The owner's calls of a connection, and its end. The coroutines are in connection_io.cpp.
#include "net/hop/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/co_spawn.hpp>
#include <exception>
#include <utility>

namespace quantring::net {
namespace {

constexpr std::chrono::milliseconds linger_limit{1000};

}  // namespace

Connection::Connection(Tcp::socket socket, LinkConfig config, ConnectionOwner& owner)
    : socket_(std::move(socket)),
      resolver_(socket_.get_executor()),
      ticks_(socket_.get_executor()),
      meter_timer_(socket_.get_executor()),
      link_(std::move(config)),
      owner_(&owner),
      inbox_(inbox_bytes) {}

std::shared_ptr<Connection> Connection::connect(asio::io_context& io, LinkConfig config,
                                                const Address& address,
                                                std::uint64_t bits_per_second,
                                                ConnectionOwner& owner) {
  auto self = std::make_shared<Connection>(Tcp::socket(io), std::move(config), owner);
  self->remote_ = address.host;
  self->link_.begin(now());
  self->start(run_connect(self, address, bits_per_second));
  self->start(run_ticks(self));
  return self;
}

std::shared_ptr<Connection> Connection::accepted(Tcp::socket socket, LinkConfig config,
                                                 ConnectionOwner& owner) {
  auto self = std::make_shared<Connection>(std::move(socket), std::move(config), owner);
  asio::error_code gone;
  const auto remote = self->socket_.remote_endpoint(gone);
  if (!gone) self->remote_ = host_text(remote);
  self->link_.begin(now());
  self->link_.connected(now());
  self->start(run_read(self));
  self->start(run_ticks(self));
  return self;
}

void Connection::start(asio::awaitable<void> coroutine) {
  asio::co_spawn(
      socket_.get_executor(), std::move(coroutine),
      [self = shared_from_this()](std::exception_ptr failure) { self->coroutine_ended(failure); });
}

// An exception is most likely out of memory for a frame. Other connections go on.
void Connection::coroutine_ended(std::exception_ptr failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    fail(fmt::format("the link with {} ended: {}", link_.peer(), error.what()));
  }
}

std::string Connection::local_host() const {
  asio::error_code gone;
  const auto local = socket_.local_endpoint(gone);
  return gone ? std::string() : host_text(local);
}

std::string Connection::remote_host() const {
  return remote_;
}

void Connection::accept(const Hello& own) {
  link_.accept(own, now());
  perform();
}

void Connection::grant(std::uint32_t frames) {
  link_.grant(frames, now());
  perform();
}

void Connection::control(ControlType type, const std::string& json) {
  link_.control(type, json, now());
  perform();
}

void Connection::instruct(const std::string& json) {
  link_.instruct(json, now());
  perform();
}

void Connection::finish() {
  link_.finish(now());
  perform();
}

void Connection::bye(const std::string& json) {
  link_.bye(json, now());
  perform();
}

void Connection::fail(const std::string& error) {
  link_.fail(error, now());
  perform();
}

bool Connection::may_submit() {
  return link_.may_submit(now());
}

void Connection::submit(Message&& message) {
  link_.submit(std::move(message), now());
  perform();
}

// An owner may call the connection from within an event: the outer call performs those actions.
void Connection::perform() {
  if (std::exchange(performing_, true)) return;
  const Self keep = shared_from_this();
  for (auto actions = link_.take_actions(); !actions.empty(); actions = link_.take_actions()) {
    for (Action& action : actions) perform_one(action);
  }
  performing_ = false;
  if (!outbox_.empty() && !std::exchange(writing_, true)) start(run_write(keep));
}

void Connection::perform_one(Action& action) {
  if (auto* send = std::get_if<SendFrame>(&action)) {
    outbox_.push_back(std::move(send->frame));
    return;
  }
  if (const auto* closed = std::get_if<Closed>(&action)) {
    failed_ = !closed->error.empty();
    begin_linger();
  }
  if (!owner_) return;
  if (auto* hello = std::get_if<HelloArrived>(&action)) owner_->on_hello(*this, hello->hello);
  if (auto* message = std::get_if<Delivered>(&action)) {
    owner_->on_message(*this, std::move(message->message));
  }
  if (auto* control = std::get_if<ControlArrived>(&action)) {
    owner_->on_control(*this, control->control);
  }
  if (std::holds_alternative<CreditArrived>(action)) owner_->on_room(*this);
  if (std::holds_alternative<PeerFinished>(action)) owner_->on_peer_finished(*this);
  if (auto* closed = std::get_if<Closed>(&action)) {
    std::exchange(owner_, nullptr)->on_closed(*this, *closed);
  }
}

// The link is over, but its last frames (an error, a bye) should still reach the peer: they are
// written, then the sending side is shut down, then the peer's close is awaited, all within
// linger_limit. Closing at once would make the kernel drop what the peer has not read yet.
void Connection::begin_linger() {
  lingering_ = true;
  linger_until_ = now() + linger_limit;
  const bool front_in_progress = writing_ && !outbox_.empty();
  const auto droppable = [](const Frame& frame) {
    return frame.header.kind == FrameKind::tensor || frame.header.kind == FrameKind::result;
  };
  outbox_.erase(
      std::remove_if(outbox_.begin() + (front_in_progress ? 1 : 0), outbox_.end(), droppable),
      outbox_.end());
  resolver_.cancel();
  if (link_.never_connected()) return close_socket();
  if (outbox_.empty() && !writing_) {
    asio::error_code ignored;
    socket_.shutdown(Tcp::socket::shutdown_send, ignored);
  }
}

void Connection::close_socket() {
  asio::error_code ignored;
  socket_.close(ignored);
  ticks_.cancel();
  meter_timer_.cancel();
}

}  // namespace quantring::net
