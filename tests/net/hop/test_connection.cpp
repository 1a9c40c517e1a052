// Two connections over loopback, without a ring around them.
#include "net/hop/connection.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

#include "net/hop/socket.h"
#include "net/wire/address.h"

namespace quantring::net {
namespace {

// Records the events of its connection.
struct Recorder final : ConnectionOwner {
  void on_hello(Connection& connection, const Hello&) override {
    if (when_hello) when_hello(connection);
  }
  void on_message(Connection&, Message&&) override { ++messages; }
  void on_control(Connection&, const Control&) override {}
  void on_room(Connection& connection) override {
    if (when_room && connection.may_submit()) std::exchange(when_room, {})(connection);
  }
  void on_peer_finished(Connection&) override {}
  void on_closed(Connection&, const Closed& closed) override { error = closed.error; }

  std::function<void(Connection&)> when_hello, when_room;
  int messages = 0;
  std::string error = "not closed";
};

Hello some_hello() {
  Hello hello;
  hello.version = "1";
  return hello;
}

LinkConfig config_of(LinkEnd end, const std::string& peer) {
  LinkConfig config;
  config.end = end;
  config.hello = some_hello();
  config.peer = peer;
  return config;
}

void grant_often(std::shared_ptr<Connection> connection,
                 std::shared_ptr<asio::steady_timer> timer) {
  if (connection->link().closed()) return;
  connection->grant(1);
  timer->expires_after(std::chrono::milliseconds(5));
  timer->async_wait(
      [connection, timer](const asio::error_code&) { grant_often(connection, timer); });
}

TEST_CASE("connection: an error is sent behind the frame in progress, whatever arrives meanwhile") {
  asio::io_context io;
  Recorder sender_owner, receiver_owner;
  Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  std::shared_ptr<Connection> receiver;
  acceptor.async_accept([&](const asio::error_code&, Tcp::socket socket) {
    receiver = Connection::accepted(std::move(socket), config_of(LinkEnd::receiver, "the sender"),
                                    receiver_owner);
  });
  receiver_owner.when_hello = [&io](Connection& connection) {
    connection.accept(some_hello());
    grant_often(connection.shared_from_this(), std::make_shared<asio::steady_timer>(io));
  };
  // A quarter of a second on this link, in which some fifty credits come in.
  asio::steady_timer timer(io);
  sender_owner.when_room = [&timer](Connection& connection) {
    Message message;
    message.payload.resize(300'000);
    connection.submit(std::move(message));
    timer.expires_after(std::chrono::milliseconds(20));
    timer.async_wait([self = connection.shared_from_this()](const asio::error_code&) {
      self->fail("the error");
    });
  };
  const auto sender = Connection::connect(io, config_of(LinkEnd::sender, "the receiver"),
                                          {"127.0.0.1", acceptor.local_endpoint().port()},
                                          10'000'000, sender_owner);
  io.run();  // ends by itself
  CHECK(receiver_owner.messages == 1);
  CHECK(receiver_owner.error == "the error");
  CHECK(sender_owner.error == "the error");
}

}  // namespace
}  // namespace quantring::net
