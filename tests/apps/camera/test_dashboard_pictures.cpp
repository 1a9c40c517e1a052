// The pictures of /stream.mjpg: to the byte, for whom they are made, and beside which answer.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/apps/camera/dashboard_client.h"
#include "ops/base/json.h"

namespace quantring::apps {
namespace {

using nlohmann::json;

// "--" and what the head of /stream.mjpg says.
std::string boundary_of(HttpTestClient& client) {
  const std::string head = client.read_to("\r\n\r\n");
  const std::string type = "Content-Type: multipart/x-mixed-replace; boundary=";
  const auto at = head.find(type);
  REQUIRE(at != std::string::npos);
  return "--" + head.substr(at + type.size(), head.find("\r\n", at) - at - type.size());
}

TEST_CASE("pictures come as they are, each ended by the head of the next") {
  Dashboard dashboard("127.0.0.1:0");
  HttpTestClient client(dashboard.port());
  client.get("/stream.mjpg");
  const std::string boundary = boundary_of(client);
  CHECK(boundary.size() > 20);
  const std::string head = boundary + "\r\nContent-Type: image/jpeg\r\n\r\n";
  CHECK(client.read_exactly(head.size()) == head);
  // The server knows of the reader as soon as a picture is asked for.
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(1), [&] {
      asked = true;
      return bytes_of("first");
    });
    return asked;
  }));
  std::vector<std::string> pictures = {"first", std::string(300000, '\xff'), "a\r\n--frame-\r\nb",
                                       std::string(1, '\0')};
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (i > 0) show(dashboard, some_answer(i), pictures[i]);
    CHECK(client.read_exactly(pictures[i].size()) == pictures[i]);
    CHECK(client.read_exactly(head.size() + 2) == "\r\n" + head);
  }
  const Dashboard other("127.0.0.1:0");
  HttpTestClient stranger(other.port());
  stranger.get("/stream.mjpg");
  CHECK(boundary_of(stranger) != boundary);
}

TEST_CASE("a picture is made only while somebody watches, and 20 times a second at most") {
  Dashboard dashboard("127.0.0.1:0");
  int made = 0;
  const auto make = [&] {
    ++made;
    return bytes_of("jpeg");
  };
  for (int i = 0; i < 5; ++i) show(dashboard, some_answer(1), "");
  dashboard.show(some_answer(1), make);
  CHECK(made == 0);
  HttpTestClient client(dashboard.port());
  client.get("/stream.mjpg");
  std::uint64_t number = 1;
  REQUIRE(eventually([&] {
    dashboard.show(some_answer(++number), make);
    return made > 0;
  }));
  made = 0;
  const auto start = Clock::now();
  while (made < 10) dashboard.show(some_answer(++number), make);
  CHECK(Clock::now() - start >= std::chrono::milliseconds(9 * 50));
  CHECK(number > 100);  // so most were left out
  // All count, even so.
  CHECK(try_parse_json(get(dashboard, "/api/status").body)["answer"]["number"] == number);
}

TEST_CASE("nobody is shown the picture of another answer") {
  Dashboard dashboard("127.0.0.1:0");
  {
    HttpTestClient watcher(dashboard.port());
    watcher.get("/stream.mjpg");
    REQUIRE(eventually([&] {
      bool asked = false;
      dashboard.show(some_answer(1), [&] {
        asked = true;
        return bytes_of("old picture");
      });
      return asked;
    }));
  }
  // Not watched any more: the next answers have no picture.
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(2), [&] {
      asked = true;
      return bytes_of("old picture");
    });
    return !asked;
  }));
  HttpTestClient late(dashboard.port());
  late.get("/stream.mjpg");
  const std::string boundary = boundary_of(late);
  late.read_to("image/jpeg\r\n\r\n");
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(3), [&] {
      asked = true;
      return bytes_of("new picture");
    });
    return asked;
  }));
  CHECK(late.read_to(boundary) == "new picture\r\n" + boundary);
}

}  // namespace
}  // namespace quantring::apps
