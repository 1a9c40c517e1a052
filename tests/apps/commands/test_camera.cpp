// `quantring camera` as a user has it: files, a live camera over HTTP, rings that break.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include <fstream>
#include <functional>
#include <memory>
#include <regex>
#include <sstream>

#include "engine/image/formats/jpeg_write.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/http_camera.h"
#include "tests/support/http_get.h"
#include "tests/support/process.h"

using namespace quantring;
using nlohmann::json;
using test::contains;
using test::http_get;
using test::Process;
using test::program;
using test::run;
using test::TemporaryFolder;

namespace {

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) values.push_back(try_parse_json(line));
  return values;
}

// The text between `before` and the end of its line.
std::string after(const std::string& text, const std::string& before) {
  const auto at = text.find(before);
  if (at == std::string::npos) return {};
  const auto begin = at + before.size();
  return text.substr(begin, text.find('\n', begin) - begin);
}

// A camera that becomes lighter for ever, 50 pictures a second.
test::HttpCamera endless_camera() {
  return test::HttpCamera([](const std::string&, const test::HttpCamera::Peer& peer) {
    peer.send("HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n");
    for (int number = 0;; ++number) {
      const auto grey = static_cast<std::uint8_t>(number % 256);
      const auto jpeg = encode_jpeg({8, 8, 1, std::vector<std::uint8_t>(64, grey)}, 90);
      if (!peer.send("--x\r\nContent-Type: image/jpeg\r\n\r\n" +
                     std::string(reinterpret_cast<const char*>(jpeg.data()), jpeg.size()) +
                     "\r\n")) {
        return;
      }
      ::usleep(20000);
    }
  });
}

struct Node {
  Process process;
  std::string port;
  Node(const std::string& model, const std::string& wanted_port)
      : process({program, "node", "--model", model, "--listen", "127.0.0.1:" + wanted_port}) {
    REQUIRE(process.wait_for_output("listening on port "));
    port = after(process.out(), "listening on port ");
    port = port.substr(0, port.find(','));
  }
};

std::string write_ring(const TemporaryFolder& folder, const std::string& model,
                       const std::vector<std::string>& ports) {
  const std::string path = folder / "ring.toml";
  std::ofstream file(path);
  file << "model = \"" << model << "\"\n[head]\nlisten = \"127.0.0.1:0\"\n";
  for (const auto& port : ports) file << "[[stage]]\naddress = \"127.0.0.1:" << port << "\"\n";
  return path;
}

// Waits for the page to show it; false on timeout.
bool wait_for_status(const std::string& url, const std::function<bool(const json&)>& holds) {
  for (int i = 0; i < 600; ++i) {
    const auto answer = http_get(url + "api/status");
    if (answer.status == 200 && holds(try_parse_json(answer.body))) return true;
    ::usleep(100000);
  }
  return false;
}

}  // namespace

TEST_CASE("files: every picture, in order, with the answers of classify") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 300);
  const auto expected = run({program, "classify", images, "--model", model, "--json"});
  REQUIRE(expected.status == 0);
  const auto right = lines_of(expected.out);
  for (const std::vector<std::string>& extra :
       {std::vector<std::string>{}, {"--stages", "3", "--codec", "raw32"}}) {
    std::vector<std::string> command = {program, "camera", images,     "--model",
                                        model,   "--json", "--listen", "none"};
    command.insert(command.end(), extra.begin(), extra.end());
    const auto outcome = run(command);
    CAPTURE(outcome.err);
    REQUIRE(outcome.status == 0);
    const auto answers = lines_of(outcome.out);
    REQUIRE(answers.size() == 300);
    std::size_t equal = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      equal += answers[i]["frame"] == right[i]["image"] && answers[i]["number"] == i &&
               answers[i]["top"][0]["class"] == right[i]["top"][0]["class"] &&
               answers[i]["top"][0]["probability"] == right[i]["top"][0]["probability"];
    }
    CHECK(equal == 300);
    CHECK(contains(outcome.err, "0 dropped"));
  }
}

TEST_CASE("a live camera: the page tells what it is doing, and Ctrl-C ends it in order") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const auto camera = endless_camera();
  Process process({program, "camera", camera.url("/cam.mjpg", "user:secret@"), "--model", model,
                   "--stages", "2", "--listen", "127.0.0.1:0"});
  REQUIRE(process.wait_for_output(" ms\n"));
  // Where the page is stands on stderr, which is collected along the way.
  const std::string url = after(process.err(), "page on ");
  CAPTURE(process.err());
  REQUIRE(!url.empty());
  CHECK(wait_for_status(url, [](const json& status) {
    return status["healthy"] == true && status["images"] > 20 && status["stages"].size() == 2 &&
           status["images_per_s"] > 0 && status["latency_p95_s"] > 0;
  }));
  const json status = try_parse_json(http_get(url + "api/status").body);
  CHECK(status["state"] == "running");
  CHECK(contains(status["limit"], "limit"));
  CHECK(status["target_images_per_s"].is_null());  // not set
  CHECK(status["answer"]["source"] == status["source"]);
  // Wall-clock time, of this minute.
  std::tm utc{};
  const std::string time = status["answer"]["time"];
  REQUIRE(::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) != nullptr);
  CHECK(time.size() == 24);
  CHECK(std::abs(static_cast<double>(::timegm(&utc) - std::time(nullptr))) < 60);
  CHECK(status["feed"]["frames"] >= status["images"]);
  CHECK(!contains(json_text(status), "secret"));
  CHECK(http_get(url + "healthz").status == 200);
  CHECK(contains(http_get(url + "metrics").body, "quantring_images_total"));
  CHECK(contains(http_get(url).body, "<html"));
  ::kill(process.pid(), SIGINT);
  CHECK(process.wait() == 0);
  CHECK(contains(process.err(), "frames arrived"));
  CHECK(contains(process.err(), "latency: half within"));
  CHECK(!contains(process.err(), "secret"));
}

TEST_CASE("a lost ring of a live camera is waited for and reconnected") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const auto camera = endless_camera();
  auto first = std::make_unique<Node>(model, "0");
  auto second = std::make_unique<Node>(model, "0");
  const std::string ring = write_ring(folder, model, {first->port, second->port});
  Process process(
      {program, "camera", camera.url(), "--ring", ring, "--quiet", "--listen", "127.0.0.1:0"});
  while (after(process.err(), "page on ").empty()) {
    if (process.wait_for_output("never there", 0.2)) break;
  }
  const std::string url = after(process.err(), "page on ");
  CHECK(wait_for_status(url, [](const json& status) { return status["images"] > 10; }));
  const std::string port = second->port;
  ::kill(second->process.pid(), SIGKILL);
  second.reset();
  double before_loss = 0;
  CHECK(wait_for_status(url, [&](const json& status) {
    before_loss = status["images"];
    return status["healthy"] == false && contains(status["state"], "stage 1") &&
           contains(status["state"], "trying again");
  }));
  // The page keeps the ring and marks the lost node.
  CHECK(wait_for_status(url, [](const json& status) {
    return status["stages"].size() == 2 && status["links"].size() == 3 &&
           status["stages"][0]["lost"] == false && status["stages"][1]["lost"] == true &&
           contains(status["limit"], "stage 1");
  }));
  CHECK(http_get(url + "healthz").status == 503);
  second = std::make_unique<Node>(model, port);
  CHECK(wait_for_status(url, [&](const json& status) {
    const std::string state = status["state"], again = after(state, "trying again in ");
    if (!again.empty()) CHECK(std::stoi(again) <= 2);
    return status["healthy"] == true && status["reconnects"] == 1 &&
           status["images"] > before_loss + 50;
  }));
  ::kill(process.pid(), SIGTERM);
  CHECK(process.wait() == 0);
  const std::string report = process.err();
  CAPTURE(report);
  CHECK(contains(report, "the ring is back"));
  CHECK(contains(report, "the ring was reconnected once"));
  // What was counted since the rejoin is divided by the time since then.
  std::smatch counted, stage, all;
  REQUIRE(std::regex_search(report, counted, std::regex("counters are of the ([0-9.]+) s since")));
  REQUIRE(std::regex_search(report, all, std::regex("([0-9]+) images in ([0-9.]+) s")));
  REQUIRE(std::regex_search(report, stage, std::regex("\n0 +.* ([0-9.]+) +[0-9.]+\n")));
  const double images = std::stod(all[1]) - before_loss;
  CHECK(std::stod(stage[1]) * std::stod(counted[1]) / images == doctest::Approx(1).epsilon(0.25));
  CHECK(std::stod(counted[1]) < 0.8 * std::stod(all[2]));
}

TEST_CASE("files through a ring that is lost: every picture is answered once, in order") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 6000);
  Node first(model, "0");
  auto second = std::make_unique<Node>(model, "0");
  const std::string ring = write_ring(folder, model, {first.port, second->port});
  Process process({program, "camera", images, "--ring", ring, "--codec", "raw32", "--link-mbps",
                   "20", "--json", "--listen", "none"});
  REQUIRE(process.wait_for_output("\"number\":100,"));
  const std::string port = second->port;
  ::kill(second->process.pid(), SIGKILL);
  second.reset();
  second = std::make_unique<Node>(model, port);
  REQUIRE(process.wait(300) == 0);
  CHECK(contains(process.err(), "the ring is back"));
  const auto answers = lines_of(process.out());
  REQUIRE(answers.size() == 6000);
  std::size_t in_order = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    in_order += contains(answers[i]["frame"], "#" + std::to_string(i)) && answers[i]["number"] == i;
  }
  CHECK(in_order == 6000);
}

TEST_CASE("what is wrong from the beginning is one line") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors";
  test::write_tiny_model(model);
  const std::string images = test::write_idx(folder, 5);
  const auto fails = [&](std::vector<std::string> arguments, const std::string& message) {
    std::vector<std::string> command = {program, "camera"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto outcome = run(command);
    CAPTURE(outcome.err);
    CHECK(outcome.status != 0);
    CHECK(outcome.out.empty());
    CHECK(contains(outcome.err, message));
  };
  fails({images}, "no model");
  fails({folder / "nothing.jpg", "--model", model, "--listen", "none"}, "nothing.jpg");
  fails({images, "--model", model, "--size", "640"}, "--size 640");
  fails({images, "--model", model, "--size", "640x0"}, "--size 640x0");
  fails({images, "--model", model, "--listen", "nowhere"}, "nowhere");
  fails({images, "--model", model, "--codec", "ptq", "--bits", "8"}, "--ring FILE or --stages N");
  fails({"gopher://x", "--model", model, "--listen", "none"}, "gopher");
  std::ofstream(folder / "broken.jpg") << "no picture";
  fails({folder / "broken.jpg", "--model", model, "--listen", "none"}, "1 of 1 pictures");
  const auto nothing =
      run({"/bin/sh", "-c", program + " camera - --model " + model + " --listen none </dev/null"});
  CHECK(nothing.status != 0);
  CHECK(contains(nothing.err, "before a picture came"));
  const std::string ring = write_ring(folder, model, {"1"});
  fails({images, "--ring", ring, "--listen", "none"}, "stage 0");
}
