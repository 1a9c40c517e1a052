// The public C++ API: answers equal the engine's bit for bit, locally and through a ring of three
// nodes; errors are texts.

#include <doctest/doctest.h>

#include <cmath>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "apps/session/quantring.h"
#include "engine/image/formats/jpeg_write.h"
#include "engine/image/preprocess.h"
#include "engine/stage/stage_runner.h"
#include "tests/apps/commands/programs.h"
#include "tests/apps/session/node_threads.h"

using quantring::Answer;
using quantring::Model;
using quantring::Session;
using quantring::test::contains;
using quantring::test::error_of;
using quantring::test::NodeThreads;
using quantring::test::random_pixels;

namespace {

constexpr std::size_t image_bytes = 64;

struct Setup {
  quantring::test::TemporaryFolder folder;
  std::string path = folder / "tiny.safetensors";
  Setup() { quantring::test::write_tiny_model(path); }
};

// The engine alone, one image at a time.
std::vector<std::vector<float>> engine_logits(const std::string& path,
                                              const std::vector<std::uint8_t>& pixels) {
  const quantring::ModelFile model(path);
  quantring::Context context;
  quantring::StageRunner runner(context, model, {0, model.architecture().half_blocks()}, 1);
  std::vector<std::vector<float>> result;
  for (std::size_t i = 0; i < pixels.size() / image_bytes; ++i) {
    std::vector<std::byte> out;
    runner.submit(quantring::coded_pixels(
                      std::as_bytes(std::span(pixels).subspan(i * image_bytes, image_bytes))),
                  1);
    const quantring::TensorShape shape = runner.collect(out);
    result.emplace_back(shape.elements());
    quantring::decode(out, shape, result.back());
  }
  return result;
}

void check_answers(Session& session, const std::vector<std::vector<float>>& expected) {
  std::uint64_t id = 0;
  while (const auto answer = session.next()) {
    REQUIRE(answer->id == id);
    CHECK(answer->logits == expected.at(id));
    ++id;
  }
  CHECK(id == expected.size());
}

quantring::LocalOptions on_cpu(int max_batch = 1) {
  quantring::LocalOptions options;
  options.compute.device = "cpu";
  options.max_batch = max_batch;
  return options;
}

}  // namespace

TEST_CASE("a model tells what it takes and gives") {
  const Setup s;
  const Model model(s.path);
  CHECK(model.name() == "tiny");
  CHECK(model.path() == s.path);
  CHECK(model.hash().size() == 64);
  CHECK(model.classes() == 10);
  CHECK(model.channels() == 1);
  CHECK(model.height() == 8);
  CHECK(model.width() == 8);
  CHECK(model.pixel_bytes() == image_bytes);
  const std::vector<float> logits = {0, 3, 1, 2, -1, 0, 0, 0, 0, 3};
  const auto top = model.top(logits, 3);
  REQUIRE(top.size() == 3);
  CHECK(top[0].index == 1);
  CHECK(top[1].index == 9);
  CHECK(top[2].index == 3);
  double sum = 0;
  for (const auto& each : model.top(logits, 100)) sum += each.probability;
  CHECK(sum == doctest::Approx(1));
  CHECK(model.top(logits, 1, quantring::Probability::sigmoid)[0].probability ==
        doctest::Approx(1 / (1 + std::exp(-3.0))));
  CHECK(model.top(logits, 0).empty());
  CHECK(contains(error_of([&] { model.top(std::vector<float>(9), 1); }), "9 logits"));
  CHECK(contains(error_of([&] { Model(s.folder / "none"); }), "none"));
}

TEST_CASE("a local session: pixels, one image or several a submit") {
  const Setup s;
  const Model model(s.path);
  const auto pixels = random_pixels(60 * image_bytes);
  const auto expected = engine_logits(s.path, pixels);
  CHECK(expected[0] != expected[1]);
  Session session = Session::open_local(model, on_cpu(8));
  std::size_t at = 0;
  for (std::size_t images = 1; at < 60; images = images % 8 + 1) {
    images = std::min(images, 60 - at);
    CHECK(session.submit_pixels({pixels.data() + at * image_bytes, images * image_bytes}) == at);
    at += images;
  }
  session.close_input();
  check_answers(session, expected);
  const auto report = session.report();
  CHECK(report.submitted == 60);
  CHECK(report.answered == 60);
  CHECK(report.seconds > 0);
  CHECK(report.stages.empty());
  CHECK(report.links.empty());
}

TEST_CASE("a decoded picture and a picture file are preprocessed as the model file says") {
  const Setup s;
  const Model model(s.path);
  const quantring::ModelFile file(s.path);
  const std::vector<std::uint8_t> colours = random_pixels(8 * 8 * 3);
  const quantring::Image image{8, 8, 3, colours};
  const auto jpeg = quantring::encode_jpeg(image, 90);
  std::vector<std::uint8_t> pixels(2 * image_bytes);
  quantring::to_pixels(quantring::convert_channels(image, 1), file.preprocess(),
                       {pixels.data(), image_bytes});
  quantring::to_pixels(quantring::decode_image(jpeg, 1, "it"), file.preprocess(),
                       {pixels.data() + image_bytes, image_bytes});
  Session session = Session::open_local(model, on_cpu());
  CHECK(session.submit_picture(colours, 8, 8, 3) == 0);
  CHECK(session.submit_file(jpeg) == 1);
  session.close_input();
  check_answers(session, engine_logits(s.path, pixels));
}

TEST_CASE("a ring of three nodes gives the same bits, and reports its stages and links") {
  const Setup s;
  const Model model(s.path);
  const auto pixels = random_pixels(100 * image_bytes);
  const auto expected = engine_logits(s.path, pixels);
  const NodeThreads nodes(s.path, 3);
  quantring::RingOptions options;
  options.stages = nodes.addresses();
  options.codec = "raw32";
  Session session = Session::open_ring(model, options);
  std::thread source([&] {
    for (std::size_t i = 0; i < 100; ++i) {
      session.submit_pixels({pixels.data() + i * image_bytes, image_bytes});
    }
    session.close_input();
  });
  check_answers(session, expected);
  source.join();
  const auto report = session.report();
  REQUIRE(report.stages.size() == 3);
  REQUIRE(report.links.size() == 4);
  for (const auto& stage : report.stages) CHECK(stage.images == 100);
  CHECK(report.stages[1].blocks == "blocks 2-4");
  CHECK(report.stages[2].address == nodes.addresses()[2]);
  CHECK(report.links[0].name == "head -> 0");
  CHECK(report.links[1].codec == "raw32");
  CHECK(report.links[1].frames == 100);
  CHECK(report.links[1].bits == doctest::Approx(32).epsilon(0.05));
  CHECK(report.links[3].name == "2 -> head");
}

TEST_CASE("one thread may submit everything before it takes the first answer") {
  const Setup s;
  const Model model(s.path);
  const auto pixels = random_pixels(300 * image_bytes);
  Session session = Session::open_local(model, on_cpu());
  for (std::size_t i = 0; i < 300; ++i) {
    session.submit_pixels({pixels.data() + i * image_bytes, image_bytes});
  }
  session.close_input();
  check_answers(session, engine_logits(s.path, pixels));
}

TEST_CASE("try_next gives nothing at once where there is no answer") {
  const Setup s;
  const Model model(s.path);
  Session session = Session::open_local(model, on_cpu());
  CHECK_FALSE(session.try_next());
  session.submit_pixels(random_pixels(image_bytes));
  std::optional<Answer> answer;
  while (!(answer = session.try_next())) std::this_thread::yield();
  CHECK(answer->id == 0);
  CHECK_FALSE(session.try_next());
}

TEST_CASE("a wrong input is an error with a message, and the session goes on") {
  const Setup s;
  const Model model(s.path);
  Session session = Session::open_local(model, on_cpu(2));
  const auto pixels = random_pixels(4 * image_bytes);
  CHECK(contains(error_of([&] { session.submit_pixels({pixels.data(), 63}); }), "63 bytes"));
  CHECK(contains(error_of([&] { session.submit_pixels({}); }), "0 bytes"));
  CHECK(contains(error_of([&] { session.submit_pixels({pixels.data(), 192}); }), "max_batch 2"));
  CHECK(contains(error_of([&] { session.submit_picture({pixels.data(), 64}, 8, 9, 1); }), "72"));
  CHECK(contains(error_of([&] { session.submit_picture({pixels.data(), 64}, -8, -8, 1); }), "-8"));
  CHECK(contains(error_of([&] {
                   session.submit_picture({pixels.data(), 128}, 8, 8, 2);
                 }),
                 "2 channels"));
  CHECK(contains(error_of([&] { session.submit_picture({}, 65535, 65535, 3); }), "65535"));
  CHECK(error_of([&] { session.submit_file(std::as_bytes(std::span(pixels))); }) != "");
  CHECK(session.submit_pixels({pixels.data(), image_bytes}) == 0);
  session.close_input();
  CHECK(contains(error_of([&] { session.submit_pixels({pixels.data(), image_bytes}); }), "closed"));
  CHECK(session.next());
  CHECK_FALSE(session.next());
  session.close();
  CHECK(contains(error_of([&] { session.next(); }), "stopped"));

  auto options = on_cpu(0);
  CHECK(contains(error_of([&] { Session::open_local(model, options); }), "max_batch"));
  options = on_cpu();
  options.compute.device = "tpu";
  CHECK(contains(error_of([&] { Session::open_local(model, options); }), "tpu"));
  options.compute.device = "cpu";
  options.compute.precision = "f16";
  CHECK(contains(error_of([&] { Session::open_local(model, options); }), "precision f16"));

  quantring::RingOptions ring;
  CHECK(contains(error_of([&] { Session::open_ring(model, ring); }), "addresses"));
  ring.stages = {"nonsense"};
  CHECK(contains(error_of([&] { Session::open_ring(model, ring); }), "nonsense"));
  ring.stages = {"127.0.0.1:1"};
  CHECK(contains(error_of([&] { Session::open_ring(model, ring); }), "127.0.0.1:1"));
  ring.codec = "zip";
  CHECK(contains(error_of([&] { Session::open_ring(model, ring); }), "zip"));
  ring.codec = "";
  ring.link_mbps = -1;
  CHECK(contains(error_of([&] { Session::open_ring(model, ring); }), "link_mbps"));
}

TEST_CASE("a node that is lost is named; a ring that comes back answers every picture once") {
  const Setup s;
  const Model model(s.path);
  const auto pixels = random_pixels(200 * image_bytes);
  const auto expected = engine_logits(s.path, pixels);
  for (const bool reconnect : {false, true}) {
    CAPTURE(reconnect);
    NodeThreads nodes(s.path, 3);
    quantring::RingOptions options;
    options.stages = nodes.addresses();
    options.codec = "raw32";
    options.reconnect = reconnect;
    options.link_mbps = 2;  // slow, so that pictures are under way
    std::atomic<int> lines = 0;
    options.log = [&](const std::string&) { ++lines; };
    Session session = Session::open_ring(model, options);
    std::thread source([&] {
      try {
        for (std::size_t i = 0; i < 200; ++i) {
          session.submit_pixels({pixels.data() + i * image_bytes, image_bytes});
        }
        session.close_input();
      } catch (const std::runtime_error&) {  // next() has it too
      }
    });
    std::uint64_t id = 0;
    std::string error;
    try {
      while (const auto answer = session.next()) {
        REQUIRE(answer->id == id);
        CHECK(answer->logits == expected.at(id));
        if (++id == 20) nodes.restart(1);
      }
    } catch (const std::runtime_error& failed) {
      error = failed.what();
    }
    source.join();
    if (reconnect) {
      CHECK(error == "");
      CHECK(id == 200);
      CHECK(session.report().reconnects >= 1);
      CHECK(lines >= 2);
    } else {
      CHECK(id < 200);
      CHECK(contains(error, "stage 1"));
      CHECK(contains(error, nodes.addresses()[1]));
    }
  }
}

TEST_CASE("a node: errors are thrown, and a token that was stopped before ends it at once") {
  const Setup s;
  quantring::NodeOptions options;
  options.model = s.folder / "none";
  CHECK(contains(error_of([&] { quantring::run_node(options); }), "none"));
  options.model = s.path;
  options.listen = "somewhere";
  CHECK(contains(error_of([&] { quantring::run_node(options); }), "somewhere"));
  options.listen = "127.0.0.1:0";
  options.compute.threads = -1;
  CHECK(contains(error_of([&] { quantring::run_node(options); }), "-1 threads"));
  options.compute.threads = 1;
  options.compute.device = "cpu";
  const quantring::StopToken token;
  token.stop();
  quantring::run_node(options, token);
  CHECK(token.stopped());
}
