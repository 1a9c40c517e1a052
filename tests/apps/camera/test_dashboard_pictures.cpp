// The pictures of /stream.mjpg: their bytes, when they are encoded, and which answer they belong
// to.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ops/base/json.h"
#include "tests/apps/camera/dashboard_client.h"

namespace quantring::apps {
namespace {

using nlohmann::json;

// "--" and the boundary in the header of /stream.mjpg.
std::string boundary_of(HttpTestClient& client) {
  const std::string head = client.read_to("\r\n\r\n");
  const std::string type = "Content-Type: multipart/x-mixed-replace; boundary=";
  const auto at = head.find(type);
  REQUIRE(at != std::string::npos);
  return "--" + head.substr(at + type.size(), head.find("\r\n", at) - at - type.size());
}

TEST_CASE("pictures are sent unchanged, each followed by the header of the next part") {
  Dashboard dashboard("127.0.0.1:0");
  HttpTestClient client(dashboard.port());
  client.get("/stream.mjpg");
  const std::string boundary = boundary_of(client);
  CHECK(boundary.size() > 20);
  const std::string head = boundary + "\r\nContent-Type: image/jpeg\r\n\r\n";
  CHECK(client.read_exactly(head.size()) == head);
  // A request for a picture shows that the server has registered the client.
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
  HttpTestClient other_client(other.port());
  other_client.get("/stream.mjpg");
  CHECK(boundary_of(other_client) != boundary);
}

TEST_CASE("pictures are encoded only for clients, and at most 20 times a second") {
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
  CHECK(number > 100);  // so most were skipped
  // The status still has the latest answer.
  CHECK(try_parse_json(get(dashboard, "/api/status").body)["answer"]["number"] == number);
}

TEST_CASE("/picture.jpg is the picture of an answer, while a page is open") {
  Dashboard dashboard("127.0.0.1:0");
  show(dashboard, some_answer(1), "unseen");
  CHECK(get(dashboard, "/picture.jpg?number=1").status == 204);
  CHECK(get(dashboard, "/picture.jpg").status == 204);
  CHECK(get(dashboard, "/picture.jpg").head.find("Content-Length") == std::string::npos);
  HttpTestClient page(dashboard.port());
  page.get("/events");
  page.read_to("event: answer");  // the server has registered the client
  for (std::uint64_t i = 2; i < 12; ++i)
    show(dashboard, some_answer(i), "picture " + std::to_string(i));
  const Answered exact = get(dashboard, "/picture.jpg?number=7");
  CHECK(exact.status == 200);
  CHECK(exact.head.find("Content-Type: image/jpeg\r\n") != std::string::npos);
  CHECK(exact.body == "picture 7");
  CHECK(get(dashboard, "/picture.jpg").body == "picture 11");
  CHECK(get(dashboard, "/picture.jpg?number=3").status == 204);  // no longer kept
  CHECK(get(dashboard, "/picture.jpg?number=12").status == 204);
  for (const char* wrong :
       {"/picture.jpg?number=", "/picture.jpg?number=7x", "/picture.jpg?number=-1",
        "/picture.jpg?n=7", "/picture.jpg?number=99999999999999999999"})
    CHECK(get(dashboard, wrong).status == 400);
}

TEST_CASE("a new client does not get the picture of an older answer") {
  Dashboard dashboard("127.0.0.1:0");
  {
    HttpTestClient first_client(dashboard.port());
    first_client.get("/stream.mjpg");
    REQUIRE(eventually([&] {
      bool asked = false;
      dashboard.show(some_answer(1), [&] {
        asked = true;
        return bytes_of("old picture");
      });
      return asked;
    }));
  }
  // Without clients the next answers have no picture.
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(2), [&] {
      asked = true;
      return bytes_of("old picture");
    });
    return !asked;
  }));
  HttpTestClient second_client(dashboard.port());
  second_client.get("/stream.mjpg");
  const std::string boundary = boundary_of(second_client);
  second_client.read_to("image/jpeg\r\n\r\n");
  REQUIRE(eventually([&] {
    bool asked = false;
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    dashboard.show(some_answer(3), [&] {
      asked = true;
      return bytes_of("new picture");
    });
    return asked;
  }));
  CHECK(second_client.read_to(boundary) == "new picture\r\n" + boundary);
}

}  // namespace
}  // namespace quantring::apps
