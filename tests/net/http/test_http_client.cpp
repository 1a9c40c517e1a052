// The client against a small real server.
#include <chrono>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "net/http/http_client.h"
#include "net/http/http_response.h"
#include "ops/base/error.h"
#include "tests/support/http_camera.h"
#include "tests/support/texts.h"

namespace quantring::net {
namespace {

using test::contains;
using test::error_of;

using std::chrono::milliseconds;
using test::HttpCamera;

std::string body_of(HttpClient& client) {
  std::string body;
  std::vector<std::byte> room(7);
  while (const std::size_t got = client.read(room))
    body.append(reinterpret_cast<const char*>(room.data()), got);
  return body;
}

std::string get(const std::string& url) {
  HttpClient client;
  return client.get(parse_http_url(url)) ? body_of(client) : "stopped";
}

// Answers every request with the same bytes.
HttpCamera::Handler answering(std::string answer) {
  return [answer = std::move(answer)](const std::string&, const HttpCamera::Peer& peer) {
    peer.send(answer);
  };
}

TEST_CASE("bodies with a length, in chunks, and up to the end of the connection") {
  const HttpCamera plain(answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, not this"));
  CHECK(get(plain.url()) == "hello");
  const HttpCamera chunked(
      answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"
                "5;x=y\r\nhello\r\n00A\r\n, in parts\r\n0\r\nTrailer: x\r\n\r\n"));
  CHECK(get(chunked.url()) == "hello, in parts");
  const HttpCamera endless(answering("HTTP/1.0 200\nContent-Type: image/jpeg\n\nhello to the end"));
  CHECK(get(endless.url()) == "hello to the end");
}

TEST_CASE("the request has the headers that cameras need, and the user") {
  const HttpCamera camera(answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  CHECK(get(camera.url("/cam.mjpg?size=2#top", "Alad%64in:open%20sesame@")).empty());
  const std::string request = camera.requests().at(0);
  CHECK(request.starts_with("GET /cam.mjpg?size=2 HTTP/1.1\r\n"));
  CHECK(contains(request, "\r\nHost: 127.0.0.1:" + std::to_string(camera.port()) + "\r\n"));
  CHECK(contains(request, "\r\nConnection: close\r\n"));
  // The example of RFC 7617, section 2.
  CHECK(contains(request, "\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
  CHECK(request.ends_with("\r\n\r\n"));
  CHECK(get(camera.url()).empty());
  CHECK(!contains(camera.requests().at(1), "Authorization"));
}

TEST_CASE("redirects are followed, and the password is not sent to another host") {
  const HttpCamera other(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nme"));
  const HttpCamera camera([&](const std::string& request, const HttpCamera::Peer& peer) {
    const auto to = [&peer](const std::string& location) {
      peer.send("HTTP/1.1 302 Found\r\nContent-Length: 3\r\nLocation: " + location + "\r\n\r\nxyz");
    };
    if (contains(request, "GET /a/b ")) return to("c?q=/");
    if (contains(request, "GET /a/c?q=/ ")) return to("/other");
    if (contains(request, "GET /other ")) return to(other.url("/there"));
    if (contains(request, "GET /tls ")) return to("https://127.0.0.1/");
    to(request.substr(4, request.find(' ', 4) - 4));  // an endless redirect
  });
  CHECK(get(camera.url("/a/b", "u:secret@")) == "me");
  CHECK(camera.requests().size() == 3);
  for (const auto& request : camera.requests()) CHECK(contains(request, "Authorization: "));
  CHECK(contains(other.requests().at(0), "GET /there "));
  CHECK(!contains(other.requests().at(0), "Authorization"));
  const std::string loop = error_of([&] { get(camera.url("/loop", "u:secret@")); });
  CHECK(contains(loop, "more than 5 redirects"));
  CHECK(!contains(loop, "secret"));
  CHECK(camera.requests().size() == 3 + 6);
  CHECK(contains(error_of([&] { get(camera.url("/tls")); }), "https is not supported"));
}

TEST_CASE("invalid responses give a one-line error") {
  struct Case {
    const char* answer;
    const char* line;
  };
  for (const Case& wrong : std::initializer_list<Case>{
           {"", "closed the connection without an answer"},
           {"HTTP/1.1 200 OK\r\nContent-", "closed the connection without an answer"},
           {"SSH-2.0-x\r\n", "does not answer with HTTP: 'SSH-2.0-x'"},
           {"HTTP/1.1 2x0 OK\r\n\r\n", "wrong: status '2x0'"},
           {"HTTP/1.1 404 Not Found\r\n\r\n", "answers 404 Not Found; check the path"},
           {"HTTP/1.1 401 \r\nWWW-Authenticate: Basic realm=x\r\n\r\n", "USER:PASSWORD@HOST"},
           {"HTTP/1.1 401 \r\nWWW-Authenticate: Digest realm=x\r\n\r\n", "requires Digest"},
           {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length '-1'"},
           {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "Content-Length"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "response as 'gzip'"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "size of a chunk 'x'"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "longer than"},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "in the middle"},
           {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "in the middle"}}) {
    const HttpCamera camera(answering(wrong.answer));
    const std::string line = error_of([&] { get(camera.url("/cam", "")); });
    CAPTURE(line);
    CHECK(contains(line, wrong.line));
    CHECK(line.starts_with(camera.url("/cam") + ": "));
    CHECK(!contains(line, "\n"));
  }
  const HttpCamera endless([](const std::string&, const HttpCamera::Peer& peer) {
    while (peer.send("HTTP/1.1 100 Continue\r\nX: " + std::string(1000, 'x') + "\r\n\r\n")) {
    }
  });
  CHECK(contains(error_of([&] { get(endless.url()); }), "the head has no end"));
  const HttpCamera refusing(answering("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n\r\n"));
  const std::string line = error_of([&] { get(refusing.url("/", "me:secret@")); });
  CHECK(contains(line, "refuses this user and password"));
  CHECK(contains(line, "http://me:...@127.0.0.1"));
  CHECK(!contains(line, "secret"));
}

TEST_CASE("a closed port and a silent camera are errors in time") {
  std::uint16_t port = 0;
  {
    const HttpCamera gone(answering(""));
    port = gone.port();
  }
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/";
  CHECK(contains(error_of([&] { get(url); }), "cannot connect: connection refused"));
  const HttpCamera silent([](const std::string&, const HttpCamera::Peer& peer) { peer.hold(); });
  HttpClient client({.connect = milliseconds(5000), .silence = milliseconds(100)});
  CHECK(contains(error_of([&] { client.get(parse_http_url(silent.url())); }),
                 "nothing received for 0.1 s"));
  // The client can be used again.
  const HttpCamera fine(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
  REQUIRE(client.get(parse_http_url(fine.url())));
  CHECK(body_of(client) == "hi");
}

TEST_CASE("stop ends a blocked read, and everything after it") {
  const HttpCamera camera([](const std::string&, const HttpCamera::Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\n\r\nsome");
    peer.hold();
  });
  HttpClient client;
  REQUIRE(client.get(parse_http_url(camera.url())));
  std::vector<std::byte> room(100);
  REQUIRE(client.read(room) == 4);
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(30));
    client.stop();
  });
  CHECK(client.read(room) == 0);
  stopper.join();
  CHECK(client.read(room) == 0);
  CHECK(!client.get(parse_http_url(camera.url())));
}

TEST_CASE("a response split at any byte is read the same") {
  const std::string answer =
      "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 Fine\r\nContent-Type: image/jpeg\r\n"
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;e\r\nd\r\n0\r\n\r\nrest";
  const auto bytes = std::as_bytes(std::span(answer));
  for (std::size_t cut = 0; cut <= answer.size(); ++cut) {
    HttpResponseReader reader;
    std::vector<std::byte> body;
    reader.push(bytes.first(cut), body);
    reader.push(bytes.subspan(cut), body);
    CHECK(reader.done());
    CHECK(reader.status() == 200);
    CHECK(reader.reason() == "Fine");
    CHECK(reader.header("content-type") == "image/jpeg");
    CHECK(body.size() == 4);
    reader.closed();
  }
}

TEST_CASE("URLs are read as RFC 3986 says") {
  const HttpUrl url = parse_http_url("HTTP://a%40b:p%2Fw:x@[::1]:8080/cam?x=1#f");
  CHECK(url.user == "a@b");
  CHECK(url.password == "p/w:x");
  CHECK(url.host == "::1");
  CHECK(url.port == 8080);
  CHECK(url.target == "/cam?x=1");
  CHECK(url_text(url) == "http://...@[::1]:8080/cam?x=1");
  CHECK(parse_http_url("http://cam.local").target == "/");
  CHECK(parse_http_url("http://cam.local?x").target == "/?x");
  CHECK(parse_http_url("http://me@cam").user == "me");
  for (const char* wrong :
       {"http://", "http:///x", "http://h:0/", "http://h:99999/", "http://h:x/", "http://a b/",
        "http://h/\r\nX: y", "ftp://h/", "http://u:a/b@h/", "http://\xC3\xBC/"})
    CHECK(error_of([&] { parse_http_url(wrong); }) != "no error");
  CHECK(contains(error_of([] { parse_http_url("http://u:a/b@h/"); }), "%2F"));
  for (const char* bad : {"http://u:a/bcd@h/", "http://u:a@bcd/e@h/", "http://u:a?bcd@h/",
                          "http://u:a#bcd@h/", "http://u:a/bcd", "http://u:a/b@bcd@h/x?y=z"}) {
    const std::string refused = error_of([&] { parse_http_url(bad); });
    CAPTURE(refused);
    CHECK(refused.starts_with("http://u:..."));
    CHECK(!contains(refused, "bcd"));
  }
  CHECK(contains(error_of([] { parse_http_url("https://u:pw@h/"); }), "https is not supported"));
}

TEST_CASE("base64 as in RFC 4648, section 10") {
  const std::vector<std::pair<std::string, std::string>> cases = {{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xFF\xFE", "//4="}};
  for (const auto& [plain, coded] : cases) CHECK(base64(plain) == coded);
}

}  // namespace
}  // namespace quantring::net
