// The public C API: the answers of the C++ one, and no crash on NULL or nonsense.

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "apps/session/quantring.h"
#include "apps/session/quantring_c.h"
#include "tests/apps/commands/programs.h"
#include "tests/apps/session/node_threads.h"

using quantring::test::contains;
using quantring::test::random_pixels;

namespace {

constexpr std::size_t image_bytes = 64, classes = 10;

struct Setup {
  quantring::test::TemporaryFolder folder;
  std::string path = folder / "tiny.safetensors";
  qr_model* model = nullptr;
  Setup() {
    quantring::test::write_tiny_model(path);
    model = qr_model_open(path.c_str(), nullptr, 0);
    REQUIRE(model != nullptr);
  }
  ~Setup() { qr_model_free(model); }
};

struct ErrorText {
  std::array<char, 256> text{};
  operator char*() { return text.data(); }
  std::string str() const { return text.data(); }
};

qr_local_options on_cpu() {
  qr_local_options options = QR_LOCAL_OPTIONS_INIT;
  options.device = "cpu";
  return options;
}

std::vector<std::vector<float>> cpp_logits(const std::string& path,
                                           const std::vector<std::uint8_t>& pixels) {
  quantring::LocalOptions options;
  options.compute.device = "cpu";
  auto session = quantring::Session::open_local(quantring::Model(path), options);
  for (std::size_t at = 0; at < pixels.size(); at += image_bytes) {
    session.submit_pixels({pixels.data() + at, image_bytes});
  }
  session.close_input();
  std::vector<std::vector<float>> result;
  while (auto answer = session.next()) result.push_back(std::move(answer->logits));
  return result;
}

void classify(qr_session* session, const std::vector<std::uint8_t>& pixels,
              const std::vector<std::vector<float>>& expected) {
  REQUIRE(session != nullptr);
  ErrorText error;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    std::uint64_t id = 99;
    REQUIRE(qr_session_submit_pixels(session, pixels.data() + i * image_bytes, image_bytes, &id,
                                     error, 256) == QR_OK);
    CHECK(id == i);
  }
  qr_session_close_input(session);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    std::uint64_t id = 99;
    std::vector<float> logits(classes);
    REQUIRE(qr_session_next(session, &id, logits.data(), classes, error, 256) == QR_ANSWER);
    CHECK(id == i);
    CHECK(logits == expected[i]);
  }
  std::vector<float> logits(classes);
  CHECK(qr_session_next(session, nullptr, logits.data(), classes, error, 256) == QR_NO_ANSWER);
}

}  // namespace

TEST_CASE("a model in C") {
  Setup s;
  qr_model_info info = QR_MODEL_INFO_INIT;
  CHECK(qr_model_get_info(s.model, &info, nullptr, 0) == QR_OK);
  CHECK(info.size == sizeof info);
  CHECK(info.classes == 10);
  CHECK(info.channels == 1);
  CHECK(info.height == 8);
  CHECK(info.width == 8);
  CHECK(info.pixel_bytes == image_bytes);
  CHECK(qr_model_name(s.model) == std::string("tiny"));
  const std::vector<float> logits = {0, 3, 1, 2, -1, 0, 0, 0, 0, 3};
  std::array<qr_scored_class, 3> top{};
  CHECK(qr_model_top(s.model, logits.data(), 10, 3, QR_SOFTMAX, top.data(), nullptr, 0) == 3);
  CHECK(top[0].index == 1);
  CHECK(top[2].index == 3);
  ErrorText error;
  CHECK(qr_model_top(s.model, logits.data(), 9, 3, QR_SOFTMAX, top.data(), error, 256) == QR_ERROR);
  CHECK(contains(error.str(), "9 logits"));
  CHECK(qr_model_top(s.model, logits.data(), 10, -3, QR_SOFTMAX, top.data(), error, 256) ==
        QR_ERROR);
  CHECK(qr_model_top(s.model, logits.data(), 10, 3, 7, top.data(), error, 256) == QR_ERROR);
}

TEST_CASE("sessions in C give the bits of those in C++, locally and through a ring") {
  Setup s;
  const auto pixels = random_pixels(30 * image_bytes);
  const auto expected = cpp_logits(s.path, pixels);
  REQUIRE(expected.size() == 30);
  const auto options = on_cpu();
  qr_session* local = qr_session_open_local(s.model, &options, nullptr, 0);
  classify(local, pixels, expected);
  qr_session_free(local);

  const quantring::test::NodeThreads nodes(s.path, 3);
  std::vector<const char*> addresses;
  for (const std::string& address : nodes.addresses()) addresses.push_back(address.c_str());
  qr_ring_options ring = QR_RING_OPTIONS_INIT;
  ring.stages = addresses.data();
  ring.stage_count = addresses.size();
  ring.codec = "raw32";
  qr_session* session = qr_session_open_ring(s.model, &ring, nullptr, 0);
  classify(session, pixels, expected);
  qr_session_report report = QR_SESSION_REPORT_INIT;
  CHECK(qr_session_get_report(session, &report, nullptr, 0) == QR_OK);
  CHECK(report.answered == 30);
  CHECK(report.stages == 3);
  std::array<char, 8192> json{};
  const int length = qr_session_report_json(session, json.data(), json.size(), nullptr, 0);
  CHECK(length == static_cast<int>(std::strlen(json.data())));
  CHECK(contains(json.data(), "\"blocks 2-4\""));
  CHECK(contains(json.data(), "\"head -> 0\""));
  CHECK(qr_session_report_json(session, json.data(), 10, nullptr, 0) == length);
  CHECK(std::strlen(json.data()) == 9);
  qr_session_free(session);
}

TEST_CASE("NULL and nonsense are errors") {
  Setup s;
  ErrorText error;
  CHECK(qr_model_open(nullptr, error, 256) == nullptr);
  CHECK(error.str() == "path is NULL");
  CHECK(qr_model_open("/nowhere/at/all", error, 10) == nullptr);
  CHECK(error.str().size() == 9);
  CHECK(qr_model_open("/nowhere/at/all", nullptr, 0) == nullptr);
  qr_model_free(nullptr);
  CHECK(qr_model_name(nullptr) == nullptr);
  CHECK(qr_model_label(nullptr, 0) == nullptr);
  CHECK(qr_model_label(s.model, -1) == nullptr);
  CHECK(qr_model_label(s.model, 1000) == nullptr);
  qr_model_info info = QR_MODEL_INFO_INIT;
  CHECK(qr_model_get_info(nullptr, &info, error, 256) == QR_ERROR);
  CHECK(qr_model_get_info(s.model, nullptr, error, 256) == QR_ERROR);
  info.size = 1 << 20;
  CHECK(qr_model_get_info(s.model, &info, error, 256) == QR_ERROR);
  CHECK(qr_model_top(nullptr, nullptr, 0, 0, 0, nullptr, error, 256) == QR_ERROR);
  CHECK(qr_model_top(s.model, nullptr, 10, 1, 0, nullptr, error, 256) == QR_ERROR);

  CHECK(qr_session_open_local(nullptr, nullptr, error, 256) == nullptr);
  CHECK(qr_session_open_ring(s.model, nullptr, error, 256) == nullptr);
  qr_ring_options ring = QR_RING_OPTIONS_INIT;
  CHECK(qr_session_open_ring(s.model, &ring, error, 256) == nullptr);
  ring.stage_count = 3;
  CHECK(qr_session_open_ring(s.model, &ring, error, 256) == nullptr);
  CHECK(error.str() == "stages is NULL");
  const char* const stages[] = {"127.0.0.1:1", nullptr, "127.0.0.1:2"};
  ring.stages = stages;
  CHECK(qr_session_open_ring(s.model, &ring, error, 256) == nullptr);
  qr_local_options options = on_cpu();
  options.size = 0;
  CHECK(qr_session_open_local(s.model, &options, error, 256) == nullptr);
  CHECK(contains(error.str(), "size"));

  std::vector<float> logits(classes);
  CHECK(qr_session_submit_pixels(nullptr, nullptr, 0, nullptr, error, 256) == QR_ERROR);
  CHECK(qr_session_next(nullptr, nullptr, logits.data(), classes, error, 256) == QR_ERROR);
  CHECK(qr_session_get_report(nullptr, nullptr, error, 256) == QR_ERROR);
  CHECK(qr_session_report_json(nullptr, nullptr, 0, error, 256) == QR_ERROR);
  qr_session_close_input(nullptr);
  qr_session_close(nullptr);
  qr_session_free(nullptr);
  options = on_cpu();
  qr_session* session = qr_session_open_local(s.model, &options, error, 256);
  REQUIRE(session != nullptr);
  CHECK(qr_session_submit_pixels(session, nullptr, 64, nullptr, error, 256) == QR_ERROR);
  CHECK(qr_session_submit_picture(session, nullptr, 64, 8, 8, 1, nullptr, error, 256) == QR_ERROR);
  CHECK(qr_session_submit_file(session, nullptr, 0, nullptr, error, 256) == QR_ERROR);
  CHECK(qr_session_next(session, nullptr, nullptr, 0, error, 256) == QR_ERROR);
  CHECK(qr_session_next(session, nullptr, logits.data(), 9, error, 256) == QR_ERROR);
  CHECK(contains(error.str(), "10 classes"));
  CHECK(qr_session_try_next(session, nullptr, logits.data(), classes, error, 256) == QR_NO_ANSWER);
  qr_session_close(session);
  CHECK(qr_session_next(session, nullptr, logits.data(), classes, error, 256) == QR_ERROR);
  qr_session_free(session);

  CHECK(qr_node_run(nullptr, nullptr, error, 256) == QR_ERROR);
  qr_node_options node = QR_NODE_OPTIONS_INIT;
  CHECK(qr_node_run(&node, nullptr, error, 256) == QR_ERROR);
  CHECK(error.str() == "options->model is NULL");
  qr_stop_now(nullptr);
  qr_stop_free(nullptr);
}

TEST_CASE("a node in C is stopped by its token") {
  Setup s;
  qr_stop* stop = qr_stop_new();
  REQUIRE(stop != nullptr);
  struct Seen {
    qr_stop* stop;
    std::uint16_t port = 0;
  } seen{stop};
  qr_node_options node = QR_NODE_OPTIONS_INIT;
  node.model = s.path.c_str();
  node.listen = "127.0.0.1:0";
  node.device = "cpu";
  node.threads = 1;
  node.user = &seen;
  node.ready = [](std::uint16_t port, void* user) {
    static_cast<Seen*>(user)->port = port;
    qr_stop_now(static_cast<Seen*>(user)->stop);
  };
  CHECK(qr_node_run(&node, stop, nullptr, 0) == QR_OK);
  CHECK(seen.port != 0);
  qr_stop_free(stop);
}
