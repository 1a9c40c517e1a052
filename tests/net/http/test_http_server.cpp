// The server over real sockets, with valid and invalid clients.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/http/http_server.h"
#include "ops/base/error.h"
#include "tests/net/http/http_client.h"
#include "tests/support/texts.h"

namespace quantring::net {
namespace {

using test::contains;

using test::HttpTestClient;
using Clock = std::chrono::steady_clock;

bool eventually(const std::function<bool()>& condition) {
  const auto end = Clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

constexpr const char* here = "127.0.0.1:0";

struct Served {
  explicit Served(const HttpServerOptions& options = {.listen = here})
      : server(options, [this](const HttpRequest& request) { return answer(request); }) {}

  HttpResponse answer(const HttpRequest& request) const {
    if (request.path == "/stream") return {.type = "x/stream", .body = "begin ", .stream = stream};
    if (request.path == "/large") return {.body = std::string(1 << 20, 'x')};
    if (request.path == "/throw") throw std::runtime_error("this broke");
    if (request.path == "/hello") return {.body = "hello " + request.query};
    return {.status = 404, .body = "no"};
  }

  const std::shared_ptr<HttpStream> stream = std::make_shared<HttpStream>(2);
  HttpServer server;  // last: it uses the rest
};

TEST_CASE("responses have their length and the headers that forbid other origins") {
  const Served served{{.listen = here, .content_security_policy = "default-src 'self'"}};
  HttpTestClient client(served.server.port());
  client.get("/hello?you");
  const std::string answer = client.read_answer();
  CHECK(answer.substr(0, 17) == "HTTP/1.1 200 OK\r\n");
  CHECK(answer.substr(answer.size() - 13) == "\r\n\r\nhello you");
  for (const char* header :
       {"Content-Type: text/plain; charset=utf-8\r\n", "Cache-Control: no-store\r\n",
        "Content-Security-Policy: default-src 'self'\r\n", "X-Content-Type-Options: nosniff\r\n",
        "Referrer-Policy: no-referrer\r\n", "Cross-Origin-Resource-Policy: same-origin\r\n",
        "Content-Length: 9\r\n", "Connection: keep-alive\r\n"}) {
    CAPTURE(header);
    CHECK(contains(answer, header));
  }
  client.get("/nowhere");
  CHECK(contains(client.read_answer(), "HTTP/1.1 404 Not Found"));
  client.get("/throw");
  const std::string broken = client.read_answer();
  CHECK(contains(broken, "HTTP/1.1 500 Internal Server Error"));
  CHECK(contains(broken, "this broke"));
}

TEST_CASE("HEAD is answered as GET is, without the body") {
  const Served served;
  HttpTestClient client(served.server.port());
  client.send("HEAD /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(contains(client.read_to("\r\n\r\n"), "Content-Length: 1048576\r\n"));
  client.get("/hello");  // directly behind the first response
  CHECK(contains(client.read_answer(), "200 OK"));
  client.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string answer = client.read_all();
  CHECK(contains(answer, "Content-Type: x/stream\r\n"));
  CHECK(answer.substr(answer.size() - 4) == "\r\n\r\n");
  CHECK(served.stream->readers() == 0);
}

TEST_CASE("requests that arrive together, or in pieces, are answered in order") {
  const Served served;
  HttpTestClient client(served.server.port());
  const std::string one = "GET /hello?one HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string two = "GET /hello?two HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::string many;
  for (int i = 0; i < 200; ++i) many += one + two;  // more than is read at once
  std::thread writer([&] { client.send(many); });
  int right = 0;
  for (int i = 0; i < 200; ++i) {
    right += contains(client.read_answer(), "hello one");
    right += contains(client.read_answer(), "hello two");
  }
  writer.join();
  CHECK(right == 400);
  for (const char c : one) client.send(std::string(1, c));
  CHECK(contains(client.read_answer(), "hello one"));
  client.get("/hello?last", "Connection: close\r\n");
  CHECK(contains(client.read_all(), "hello last"));  // and the connection is closed
}

TEST_CASE("an invalid request gets an error response and the connection is closed") {
  const Served served;
  for (const auto& [text, status] : std::vector<std::pair<std::string, std::string>>{
           {"QRNG\x01 not a request at all\r\n\r\n", "400 Bad Request"},
           {"GET / HTTP/1.1\nHost: localhost\n\n", "400 Bad Request"},
           {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd", "405 Method"},
           {std::string(20000, 'A'), "431 Request Header"},
           {"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", "505 HTTP Version"}}) {
    HttpTestClient client(served.server.port());
    client.send(text);
    const std::string answer = client.read_all();
    CAPTURE(answer);
    CHECK(contains(answer, "HTTP/1.1 " + status));
    CHECK(contains(answer, "Connection: close\r\n"));
    CHECK(contains(answer, "Allow: GET, HEAD\r\n") == (status == "405 Method"));
  }
}

TEST_CASE("a name that is not of this machine is refused (DNS rebinding)") {
  const auto ask = [](const Served& served, const std::string& host) {
    HttpTestClient client(served.server.port());
    client.send("GET /hello HTTP/1.1\r\nConnection: close\r\nHost: " + host + "\r\n\r\n");
    return client.read_all().substr(9, 3);
  };
  const Served loopback;
  CHECK(ask(loopback, fmt::format("localhost:{}", loopback.server.port())) == "200");
  CHECK(ask(loopback, "127.0.0.1") == "200");
  CHECK(ask(loopback, "evil.example") == "403");
  CHECK(ask(loopback, "10.0.0.7") == "403");
  const Served network{{.listen = "0.0.0.0:0"}};
  CHECK(ask(network, "10.0.0.7:8080") == "200");
  CHECK(ask(network, "evil.example") == "403");
}

TEST_CASE("a client that sends its request too slowly is disconnected") {
  const Served served{{.listen = here, .request_time = std::chrono::seconds(1)}};
  HttpTestClient half(served.server.port()), silent(served.server.port()),
      asked(served.server.port());
  half.send("GET /hello HT");
  asked.get("/hello");
  CHECK(contains(half.read_all(), "HTTP/1.1 408 Request Timeout"));
  CHECK(silent.read_all().empty());
  const std::string answer = asked.read_all();
  CHECK(contains(answer, "200 OK"));
  CHECK_FALSE(contains(answer, "408"));  // an idle keep-alive connection is no error
}

TEST_CASE("the limit of clients, and one more gets a 503") {
  const Served served{{.listen = here, .max_clients = 3}};
  std::vector<std::unique_ptr<HttpTestClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<HttpTestClient>(served.server.port()));
    clients.back()->get("/hello");
    CHECK(contains(clients.back()->read_answer(), "200 OK"));
  }
  {
    HttpTestClient more(served.server.port());
    more.get("/hello");
    const std::string answer = more.read_all();
    CHECK(contains(answer, "503 Service Unavailable"));
    CHECK(contains(answer, "3 clients are connected"));
  }
  clients.pop_back();
  CHECK(eventually([&] {
    HttpTestClient again(served.server.port());
    again.get("/hello", "Connection: close\r\n");
    return contains(again.read_all(), "200 OK");
  }));
}

TEST_CASE("a stream begins with the newest and goes on with what is published") {
  const Served served;
  served.stream->publish(0, "[old]");
  served.stream->publish(0, "[status]");
  served.stream->publish(1, "[answer]");
  HttpTestClient client(served.server.port());
  client.get("/stream");
  const std::string head = client.read_to("\r\n\r\n");
  CHECK(contains(head, "Content-Type: x/stream\r\n"));
  CHECK(contains(head, "Connection: close\r\n"));
  CHECK_FALSE(contains(head, "Content-Length"));
  CHECK(client.read_to("[answer]") == "begin [status][answer]");
  CHECK(served.stream->readers() == 1);
  for (int i = 0; i < 100; ++i) {
    const std::string text = fmt::format("[{}]", i);
    served.stream->publish(0, text);
    CHECK(client.read_to("]") == text);
  }
  served.stream->forget(0);
  served.stream->forget(1);
  HttpTestClient late(served.server.port());
  late.get("/stream");
  REQUIRE(eventually([&] { return served.stream->readers() == 2; }));
  served.stream->publish(1, "[next]");
  CHECK(contains(late.read_to("]"), "begin [next]"));
}

TEST_CASE("a reader that disconnects is noticed") {
  const Served served;
  {
    HttpTestClient client(served.server.port());
    client.get("/stream");
    client.read_to("begin ");
    REQUIRE(eventually([&] { return served.stream->readers() == 1; }));
  }
  CHECK(eventually([&] { return served.stream->readers() == 0; }));
}

TEST_CASE("a slow reader skips old values, and one that reads nothing is disconnected") {
  const Served served{{.listen = here, .stall_time = std::chrono::seconds(2)}};
  // 200 MB are published: a reader gets as much as it reads, plus the kernel's buffers.
  const std::string piece(1 << 20, 'x');
  HttpTestClient slow(served.server.port()), dead(served.server.port());
  slow.receive_buffer(16 << 10);
  slow.get("/stream");
  slow.read_to("begin ");
  dead.receive_buffer(16 << 10);
  dead.get("/stream");
  REQUIRE(eventually([&] { return served.stream->readers() == 2; }));
  std::atomic<bool> done = false;
  std::size_t got = 0, newest = 0;
  std::thread reader([&] {
    for (std::string text = slow.read_to("]"); !text.empty(); text = slow.read_to("]")) {
      got += 1;
      newest = std::stoul(text.substr(text.find('[') + 1));
      if (newest == 200) break;
    }
    done = true;
  });
  for (std::size_t i = 1; i <= 200; ++i) {
    served.stream->publish(0, piece + fmt::format("[{}]", i));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  CHECK(eventually([&] { return done.load(); }));
  reader.join();
  CHECK(newest == 200);
  CHECK(got <= 200);
  // The one that reads stays connected, the other does not.
  CHECK(eventually([&] { return served.stream->readers() == 1; }));
}

TEST_CASE("the server stops with clients attached, in any state") {
  auto served = std::make_unique<Served>();
  HttpTestClient idle(served->server.port()), half(served->server.port()),
      reader(served->server.port()), stuck(served->server.port()), large(served->server.port());
  half.send("GET /he");
  reader.get("/stream");
  reader.read_to("begin ");
  stuck.receive_buffer(16 << 10);
  stuck.get("/stream");
  large.receive_buffer(16 << 10);
  large.get("/large");
  REQUIRE(eventually([&] { return served->stream->readers() == 2; }));
  served->stream->publish(0, std::string(8 << 20, 'x'));
  const std::shared_ptr<HttpStream> stream = served->stream;
  served.reset();
  CHECK(stream->readers() == 0);
  stream->publish(0, "without readers");
  idle.read_all();
  half.read_all();
  reader.read_all();
  CHECK(large.read_all().size() < (1 << 20) + 1000);
}

TEST_CASE("a port in use is a one-line error") {
  const Served served;
  const std::string address = fmt::format("127.0.0.1:{}", served.server.port());
  try {
    const HttpServer second({.listen = address}, [](const HttpRequest&) { return HttpResponse{}; });
    FAIL("two servers on one port");
  } catch (const Error& error) {
    CHECK(contains(error.what(), "cannot listen on " + address));
  }
}

}  // namespace
}  // namespace quantring::net
