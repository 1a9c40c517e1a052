// Request heads, valid by RFC 9112 and invalid.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "net/http/http_host.h"
#include "net/http/http_request.h"

namespace quantring::net {
namespace {

using State = ParsedRequest::State;

ParsedRequest sound(const std::string& text) {
  const ParsedRequest parsed = parse_http_request(text);
  INFO(text << ": " << parsed.reason);
  REQUIRE(parsed.state == State::complete);
  return parsed;
}

int refusal(const std::string& text) {
  const ParsedRequest parsed = parse_http_request(text);
  return parsed.state == State::refused ? parsed.status : 0;
}

std::string request(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}

TEST_CASE("a browser's request is read") {
  const std::string text =
      "GET /api/status?from=page HTTP/1.1\r\nhOsT:  Jetson-0.Local.:8080 \r\n"
      "User-Agent: \xff some/1.0 (text)\r\nAccept: */*\r\n\r\n";
  const ParsedRequest parsed = sound(text + "GET /next");
  CHECK(parsed.request.path == "/api/status");
  CHECK(parsed.request.query == "from=page");
  CHECK(parsed.request.host == "jetson-0.local");
  CHECK(parsed.request.keep_alive);
  CHECK_FALSE(parsed.request.head);
  CHECK(parsed.used == text.size());
}

TEST_CASE("every prefix of a request is incomplete") {
  const std::string text = "HEAD /healthz HTTP/1.0\r\nHost: [::1]:80\r\nX: y\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK(parse_http_request(text.substr(0, size)).state == State::incomplete);
  }
  const ParsedRequest parsed = sound(text);
  CHECK(parsed.used == text.size());
  CHECK(parsed.request.head);
  CHECK(parsed.request.host == "::1");
}

TEST_CASE("keep-alive") {
  CHECK(sound(request("")).request.keep_alive);
  CHECK_FALSE(sound(request("Connection: close\r\n")).request.keep_alive);
  CHECK_FALSE(sound(request("Connection: upgrade , Close\r\n")).request.keep_alive);
  CHECK_FALSE(sound(request("Connection: close\r\nConnection: keep-alive\r\n")).request.keep_alive);
  CHECK_FALSE(sound("GET / HTTP/1.0\r\n\r\n").request.keep_alive);
  CHECK(sound("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").request.keep_alive);
}

TEST_CASE("the forms of a request target") {
  CHECK(sound("GET http://10.0.0.7:80/metrics HTTP/1.1\r\nHost: other\r\n\r\n").request.host ==
        "10.0.0.7");
  CHECK(sound("GET HTTP://ten HTTP/1.1\r\nHost: other\r\n\r\n").request.path == "/");
  CHECK(sound("GET http://ten?q=/ HTTP/1.1\r\nHost: other\r\n\r\n").request.query == "q=/");
  CHECK(sound("\r\nGET /%2e%2e/a HTTP/1.0\r\n\r\n").request.path == "/%2e%2e/a");
  CHECK(sound("GET / HTTP/1.0\r\n\r\n").request.host.empty());
}

TEST_CASE("an invalid or unsupported request is refused at once") {
  CHECK(refusal("GET / HTTP/1.1\nHost: a\n\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\n\r\n") == 400);  // no Host
  CHECK(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: \r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: a b\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: a:8080x\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n") == 400);
  CHECK(refusal("GET / HTTP/1.1\r\nHost : a\r\n\r\n") == 400);
  CHECK(refusal("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refusal("GET index.html HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refusal("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refusal("GET /\r\n\r\n") == 400);
  CHECK(refusal("GET / http/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(refusal("hello there\r\n\r\n") == 400);
  CHECK(refusal(request(" folded: line\r\n")) == 400);
  CHECK(refusal(request("no colon\r\n")) == 400);
  CHECK(refusal(request(std::string("X: a\0b\r\n", 8))) == 400);
  CHECK(refusal("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == 505);
  CHECK(refusal("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello") == 405);
  CHECK(refusal("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == 405);
  CHECK(refusal(request("Content-Length: 5\r\n")) == 413);
  CHECK(refusal(request("Transfer-Encoding: chunked\r\n")) == 413);
  CHECK(refusal(request("Content-Length: 0\r\n")) == 0);
}

TEST_CASE("a request head is limited to 8 KiB") {
  const std::string front = "GET / HTTP/1.1\r\nHost: a\r\nX: ", end = "\r\n\r\n";
  const std::size_t room = max_request_head - front.size() - end.size();
  CHECK(sound(front + std::string(room, 'x') + end).used == max_request_head);
  CHECK(refusal(front + std::string(room + 1, 'x') + end) == 431);
  CHECK(refusal(std::string(max_request_head, 'A')) == 431);
  CHECK(parse_http_request(std::string(max_request_head - 1, 'A')).state == State::incomplete);
}

TEST_CASE("only names of this machine are allowed") {
  const HttpHosts network(false, {"Jetson-0.lab.example", "0.0.0.0"});
  for (const std::string& name :
       std::vector<std::string>{"", "10.0.0.7", "::1", "fe80::1", "127.0.0.1", "localhost",
                                "jetson-0", "jetson-0.local", "jetson-0.lab.example"}) {
    CAPTURE(name);
    CHECK(network.allow(name));
  }
  for (const std::string& name :
       std::vector<std::string>{"evil.example", "jetson-0.evil.example", "10.0.0.7.evil.example",
                                "0", "localhost.evil.example", "jetson-1", ".local", "1.2.3"}) {
    CAPTURE(name);
    CHECK_FALSE(network.allow(name));
  }
  const HttpHosts loopback(true, {"jetson-0"});
  for (const std::string& name :
       std::vector<std::string>{"", "localhost", "127.0.0.1", "127.1.2.3", "::1"}) {
    CAPTURE(name);
    CHECK(loopback.allow(name));
  }
  for (const std::string& name :
       std::vector<std::string>{"jetson-0", "10.0.0.7", "fe80::1", "128.0.0.1"}) {
    CAPTURE(name);
    CHECK_FALSE(loopback.allow(name));
  }
}

}  // namespace
}  // namespace quantring::net
