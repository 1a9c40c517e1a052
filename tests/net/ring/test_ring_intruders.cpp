// Connections that are not part of the ring: random data, silence, other sessions. They do not
// disturb the ring.
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include "net/wire/address.h"
#include "net/wire/control.h"
#include "net/wire/frame.h"
#include "tests/net/hop/version1_hello.h"
#include "tests/net/ring/ring_fixture.h"

namespace quantring::net {
namespace {

using Tcp = asio::ip::tcp;

class Intruder {
 public:
  explicit Intruder(std::uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }
  void send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }
  void send(const Frame& frame) {
    const HeaderBytes header = write_header(frame.header);
    asio::error_code gone;  // the node may have closed already
    asio::write(socket_, asio::buffer(header), gone);
    asio::write(socket_, asio::buffer(frame.payload), gone);
  }
  // Everything until the other side closes.
  std::string read_all() {
    std::string all;
    asio::error_code end;
    asio::read(socket_, asio::dynamic_buffer(all), end);
    return all;
  }

 private:
  asio::io_context io_;
  Tcp::socket socket_;
};

Frame hello_frame(const Hello& hello) {
  FrameHeader header;
  header.kind = FrameKind::hello;
  return text_frame(header, hello_json(hello));
}

Frame control_frame(ControlType type, const std::string& json) {
  FrameHeader header;
  header.kind = FrameKind::control;
  header.control = static_cast<std::uint8_t>(type);
  return text_frame(header, json);
}

TEST_CASE("random data on a node's port gets an error, and the node goes on") {
  NodeThread node;
  {
    Intruder browser(node.port());
    browser.send("GET / HTTP/1.1\r\nHost: somewhere\r\nUser-Agent: something rather long\r\n\r\n");
    CHECK(contains(browser.read_all(), "wrong magic: is this a QuantRing port?"));
  }
  {
    std::mt19937 random(7);
    std::vector<std::unique_ptr<Intruder>> many;
    for (int i = 0; i < 40; ++i) {
      std::string noise(1 + random() % 5000, '\0');
      for (char& c : noise) c = static_cast<char>(random());
      try {
        many.push_back(std::make_unique<Intruder>(node.port()));
        many.back()->send(noise);
      } catch (const asio::system_error&) {  // the node may refuse or close
      }
    }
  }
  CHECK(eventually([&] { return contains(node.log(), "refused a connection"); }));
  CHECK(eventually([&] {
    return error_of([&] {
             RingHead head(head_for({node.address()}));
             run_session(head, 10, 1);
           }) == "no error";
  }));
}

TEST_CASE("a silent connection is closed, and does not keep a head from connecting") {
  NodeThread node;
  Intruder silent(node.port());
  RingHead head(head_for({node.address()}));
  run_session(head, 10, 1);
  CHECK(contains(silent.read_all(), "sent no hello within 5 s"));
}

TEST_CASE("connections of others at the return port are refused, and the ring gets ready") {
  // The stage loads until the intruder was refused: meanwhile the return port is open.
  std::atomic<bool> load{false};
  NodeThread node([&load](const std::string&, int, int) {
    while (!load) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return std::make_unique<AddOne>();
  });
  NodeThread unused;
  HeadOptions options = head_for({node.address(), unused.address()});
  std::uint16_t port = 0;
  {
    NodeThread finder;
    port = finder.port();
  }
  options.listen = fmt::format("127.0.0.1:{}", port);
  std::vector<std::string> answers;
  std::thread intruder([&] {
    std::unique_ptr<Intruder> connection;
    while (!connection) {
      try {
        connection = std::make_unique<Intruder>(port);
      } catch (const asio::system_error&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
    connection->send(std::string(200, 'x'));
    answers.push_back(connection->read_all());
    load = true;
  });
  RingHead head(options);
  intruder.join();
  CHECK(contains(answers[0], "wrong magic"));
  run_session(head, 50, 2);
}

TEST_CASE("the last stage of another session is refused at the return port") {
  // A false node: it takes the plan, and connects back with the wrong session.
  asio::io_context io;
  Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  std::string refused;
  std::thread false_node([&] {
    Tcp::socket socket = acceptor.accept();
    const auto read_text = [&] {
      HeaderBytes bytes;
      asio::read(socket, asio::buffer(bytes));
      FrameHeader header;
      REQUIRE(read_header(bytes, header).empty());
      std::string text(header.payload_length, '\0');
      asio::read(socket, asio::buffer(text));
      return text;
    };
    const auto write = [&](const Frame& frame) {
      const HeaderBytes header = write_header(frame.header);
      asio::write(socket, asio::buffer(header));
      asio::write(socket, asio::buffer(frame.payload));
    };
    Hello hello = parse_hello(read_text());
    hello.role = Role::node;
    write(hello_frame(hello));
    const Plan plan = parse_plan(read_text());
    Intruder other(parse_address(plan.return_address).port);
    hello.role = Role::stage;
    hello.session ^= 1;
    other.send(hello_frame(hello));
    refused = other.read_all();
    write(control_frame(ControlType::ready, {}));  // no last stage has connected
  });
  const std::string text = error_of([&] {
    RingHead head(head_for({fmt::format("127.0.0.1:{}", acceptor.local_endpoint().port())}));
  });
  false_node.join();
  CHECK(contains(refused, "the last stage of another session"));
  CHECK(contains(text, "its last stage has not connected"));
}

TEST_CASE(
    "a peer that breaks the protocol after its hello is refused, and the node is free again") {
  NodeThread node;
  Hello hello;
  hello.version = QUANTRING_VERSION;
  hello.role = Role::head;
  const auto refusal_of = [&](const Frame& second) {
    std::string answer;
    eventually([&] {
      Intruder peer(node.port());
      peer.send(hello_frame(hello));
      peer.send(second);
      answer = peer.read_all();
      return !contains(answer, "busy");
    });
    return answer;
  };
  CHECK(contains(refusal_of(control_frame(ControlType::plan, "{")), "plan: not JSON"));
  CHECK(contains(refusal_of(control_frame(ControlType::bye, "{}")), "is not allowed here"));
  CHECK(contains(refusal_of(control_frame(ControlType::finish, "")), "end came before the start"));
  CHECK(contains(refusal_of(hello_frame(hello)), "is not allowed here"));
  FrameHeader tensor;
  tensor.kind = FrameKind::tensor;
  tensor.epoch = 1;
  CHECK(contains(refusal_of(make_frame(tensor, {})), "no credit"));
  Frame damaged = control_frame(ControlType::plan, "{}");
  damaged.payload[0] ^= std::byte{1};
  CHECK(contains(refusal_of(damaged), "checksum is wrong"));
  hello.role = Role::node;
  CHECK(contains(refusal_of(control_frame(ControlType::plan, "{}")),
                 "a node does not connect to a node"));
}

TEST_CASE("a peer with protocol version 1 is refused by name, and can report the mismatch") {
  const std::string mismatch =
      "speaks protocol version 1, this build speaks 2: install the same version on both";
  NodeThread node;
  Intruder head(node.port());
  head.send(version1_hello());
  const std::string answer = head.read_all();
  CHECK(contains(answer, mismatch));
  CHECK(version1_sees_mismatch(answer));
  CHECK(eventually(
      [&] { return contains(node.log(), "refused a connection: 127.0.0.1: " + mismatch); }));

  asio::io_context io;
  Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  std::string received;
  std::thread old_node([&] {
    Tcp::socket socket = acceptor.accept();
    received.resize(56);
    asio::read(socket, asio::buffer(received));
    asio::write(socket, asio::buffer(version1_hello()));
    std::string rest;
    asio::error_code end;
    asio::read(socket, asio::dynamic_buffer(rest), end);
  });
  const std::string address = fmt::format("127.0.0.1:{}", acceptor.local_endpoint().port());
  CHECK(error_of([&] { RingHead ring(head_for({address})); }) ==
        fmt::format("stage 0 ({}): {}", address, mismatch));
  old_node.join();
  CHECK(version1_sees_mismatch(received));
}

}  // namespace
}  // namespace quantring::net
