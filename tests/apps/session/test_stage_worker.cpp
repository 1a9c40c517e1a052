// A stage between net and engine, without sockets: what it codes, when it chooses, what it reports.

#include <doctest/doctest.h>

#include "apps/session/node/adaptive_output.h"
#include "apps/session/node/stage_worker.h"
#include "apps/session/ring/watch/link_targets.h"
#include "ops/base/error.h"
#include "tests/apps/commands/programs.h"

using namespace quantring;

namespace {

constexpr int images = 3;

net::Message pixels() {
  std::vector<std::byte> values(images * 64);
  for (int i = 0; i < images * 64; ++i)
    values[static_cast<std::size_t>(i)] = static_cast<std::byte>(i * 37 % 251);
  net::Message message;
  message.images = images;
  message.payload = coded_pixels(values);
  return message;
}

struct Setup {
  test::TemporaryFolder folder;
  std::string model = folder / "model.safetensors";
  WorkOrder order;

  Setup() {
    test::write_tiny_model(model);
    order.model_hash = ModelFile(model).hash();
    order.range = {0, 5};
    order.max_images = images;
  }
  StageWorker worker(AdaptiveOutput::Log log = {}) const { return {model, order, {}, log}; }
};

}  // namespace

TEST_CASE("a worker sends the bytes of coding the stage's result") {
  Setup s;
  Context context;
  const ModelFile model(s.model);
  StageRunner runner(context, model, s.order.range, images,
                     [](std::uint32_t) { return CodecSpec{}; });
  std::vector<std::byte> plain, expected;
  runner.submit(pixels().payload, images);
  const TensorShape shape = runner.collect(plain);
  std::vector<float> values(shape.elements());
  decode(plain, shape, values);
  int differ = 0;
  for (const CodecId id : known_codecs()) {
    if (id == CodecId::pixels || needs_tables(id)) continue;  // test_ring_klt.cpp
    for (const int bits : has_widths(id) ? std::vector<int>{2, 3, 8, 16} : std::vector<int>{0}) {
      if (bits != 0 && !find_codec(id)->has_width(bits)) continue;
      s.order.link.start = parse_codec(codec_name(id), bits);
      CAPTURE(codec_text(s.order.link.start));
      net::Message in = pixels(), out;
      encode(values, shape, s.order.link.start, expected);
      StageWorker worker = s.worker();
      worker.submit(in);
      worker.collect(out);
      CHECK(out.payload == expected);
      CHECK(read_coded_header(out.payload) == s.order.link.start);
      CHECK(out.images == images);
      differ += out.payload != plain;
    }
  }
  CHECK(differ > 10);  // something was coded at all
}

TEST_CASE("on the CPU the codec is chosen for the link as it is when the result is sent") {
  Setup s;
  s.order.link.policy = Policy::ladder;
  s.order.link.ladder = default_ladder();
  s.order.link.window = 4;
  s.order.link.target_rate = 1000;
  std::vector<std::string> log;
  StageWorker worker = s.worker([&](const std::string& line) { log.push_back(line); });
  net::LinkStats link;
  const auto observe = [&](double bps) {
    link.capacity = net::Capacity::measured;
    link.capacity_bps = bps;
    worker.observe_output(link);
  };
  net::Message out;
  const double need = 1000 * 5 * 32 * 32;  // of raw32, bit/s
  for (int i = 0; i < 12; ++i) {
    net::Message in = pixels();
    observe(10 * need);
    worker.submit(in);
    if (i >= 9) observe(0.3 * need);  // the link fell while this was computed
    worker.collect(out);
    if (i < 9) CHECK(read_coded_header(out.payload).id == CodecId::raw32);
    ++link.frames;
    link.images += images;
  }
  CHECK(read_coded_header(out.payload).bits <= 8);
  REQUIRE(log.size() == 1);
  CHECK(log[0].find("raw32 -> ") != std::string::npos);
  const WorkerStats stats = worker_stats_from_json(worker.stats_json());
  CHECK(stats.range == "blocks 0-2.5");
  REQUIRE(stats.has_output);
  CHECK(stats.output.policy == Policy::ladder);
  CHECK(stats.output.point == read_coded_header(out.payload));
  CHECK(stats.elements_per_image == 5 * 32);
  CHECK(stats.output.capacity_bps == doctest::Approx(0.3 * need));
  CHECK(stats.output.target_rate == 1000);
  CHECK(stats.output.decision_count == 1);
}

TEST_CASE("the last stage has no output to control") {
  Setup s;
  s.order.range = {0, 12};
  s.order.link.policy = Policy::ladder;
  s.order.link.ladder = default_ladder();
  StageWorker worker = s.worker();
  net::Message in = pixels(), out;
  worker.instructed(link_targets_json({{50, 0}}));
  worker.observe_output({});
  worker.submit(in);
  worker.collect(out);
  CHECK(read_coded_header(out.payload).id == CodecId::raw32);
  const WorkerStats stats = worker_stats_from_json(worker.stats_json());
  CHECK(stats.elements_per_image == 10);
  CHECK_FALSE(stats.has_output);
}

TEST_CASE(
    "the head's instruction is the target where none was given, and its limit where one was") {
  ControllerOptions options;
  options.policy = Policy::ladder;
  options.ladder = default_ladder();
  AdaptiveOutput output(options, 0, 5, 32, {});
  CHECK(output.state().target_rate == 0);
  output.instructed(link_targets_json({{61.25, 0}}));
  CHECK(output.state().target_rate == 61.25);
  CHECK_THROWS_AS(output.instructed("{}"), Error);
  CHECK(output.state().target_rate == 61.25);
  // Of a stage that it does not name nothing is asked.
  output.instructed(link_targets_json({}));
  CHECK(output.state().target_rate == 61.25);
  options.target_rate = 30;
  AdaptiveOutput own(options, 1, 5, 32, {});
  own.instructed(link_targets_json({{5, 0}, {61.25, 0}}));
  CHECK(own.state().target_rate == 30);
  // No more than the ring carries.
  own.instructed(link_targets_json({{5, 0}, {12, 0}}));
  CHECK(own.state().target_rate == 12);
}
