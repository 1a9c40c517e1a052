// Rings that use the codec file beside the model: what the head plans with it, what nodes do with
// it, and answers that are those of a chain of stages and codecs in one thread.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "apps/session/node/stage_worker.h"
#include "apps/session/quantring.h"
#include "apps/session/ring/link_plan.h"
#include "apps/session/ring/ring_plan.h"
#include "engine/stage/stage_runner.h"
#include "tests/apps/commands/programs.h"
#include "tests/apps/session/node_threads.h"
#include "tests/support/simple_codec_file.h"

using namespace quantring;
using test::contains;
using test::error_of;

namespace {

constexpr CodecSpec raw32{CodecId::raw32, 32}, ptq8{CodecId::ptq, 8}, klt2{CodecId::klt, 8},
    klt1_5{CodecId::klt, 6};
constexpr std::size_t image_bytes = 64;

const std::vector<int> no_cuts;  // no codec file

const Ladder own_ladder = {{raw32, 100}, {ptq8, 99}, {klt2, 95}, {klt1_5, 92}};

// A tiny model of 12 half-blocks; in a ring of three it is cut at 4 and 8.
struct Setup {
  test::TemporaryFolder folder;
  std::string model = folder / "tiny.safetensors";
  std::string codecs = folder / "tiny.codec.safetensors";
  std::vector<StageRange> ranges = {{0, 4}, {4, 8}, {8, 12}};

  explicit Setup(const std::vector<int>& cuts = {2, 4, 8}) {
    test::write_tiny_model(model);
    if (!cuts.empty()) test::write_simple_codec_file(model, cuts, ladder_to_json(own_ladder));
  }
  LinkPlan plan(const LinkChoice& flags = {}) const {
    return plan_links(flags, {}, ModelFile(model), ranges);
  }
  std::string refusal(const LinkChoice& flags = {}) const {
    return error_of([&] { plan(flags); });
  }
  // Of the middle stage.
  WorkOrder order() const {
    WorkOrder order{ModelFile(model).hash(), ranges[1], 2, {}, 1, CodecFile(codecs).hash()};
    order.link.start = klt1_5;
    return order;
  }
  std::string node_refusal(const WorkOrder& work) const {
    return error_of([&] { StageWorker(model, work, {}, {}); });
  }
};

LinkChoice fixed(CodecSpec codec) {
  LinkChoice choice;
  choice.codec = codec;
  return choice;
}

std::vector<float> decoded(const std::vector<std::byte>& coded, TensorShape shape) {
  std::vector<float> values(shape.elements());
  decode(coded, shape, values);
  return values;
}

// One image through the stages in this thread, the stream through the codec at each cut.
std::vector<float> chain(const Setup& s, CodecSpec spec, std::span<const std::uint8_t> pixels) {
  Context context;
  const ModelFile model(s.model);
  const CodecFile file(s.codecs);
  std::vector<std::byte> message = coded_pixels(std::as_bytes(pixels)), out;
  for (const StageRange range : s.ranges) {
    StageRunner stage(context, model, range, 1, [](std::uint32_t) { return raw32; });
    stage.submit(message, 1);
    const TensorShape shape = stage.collect(out);
    std::vector<float> values = decoded(out, shape);
    if (range.end == model.architecture().half_blocks()) return values;
    const KltTables tables = file.tables(range.end);
    const KltCodec codec(&tables);
    std::vector<std::byte> body(codec.max_body_bytes(spec.bits, shape));
    codec.encode(context, host_tensor(std::span<const float>(values), shape), spec.bits, nullptr,
                 body.data());
    codec.decode(context, body.data(), spec.bits, host_tensor(std::span<float>(values), shape));
    encode(values, shape, raw32, message);
  }
  return {};
}

RingOptions ring_of(std::vector<std::string> stages, const std::string& codec) {
  RingOptions options;
  options.stages = std::move(stages);
  options.codec = codec;
  return options;
}

}  // namespace

TEST_CASE("a ring's answers are those of the chain, to the bit") {
  const Setup s;
  const Model model(s.model);
  const auto pixels = test::random_pixels(6 * image_bytes);
  const test::NodeThreads nodes(s.model, 3);
  std::map<std::string, std::vector<float>> first;
  for (const auto& [name, spec] : {std::pair{"klt 1.5", klt1_5}, std::pair{"klt 2", klt2}}) {
    CAPTURE(name);
    Session session = Session::open_ring(model, ring_of(nodes.addresses(), name));
    for (std::size_t i = 0; i < 6; ++i)
      session.submit_pixels(std::span(pixels).subspan(i * image_bytes, image_bytes));
    session.close_input();
    for (std::size_t i = 0; i < 6; ++i) {
      const auto answer = session.next();
      REQUIRE(answer);
      CHECK(answer->logits ==
            chain(s, spec, std::span(pixels).subspan(i * image_bytes, image_bytes)));
      if (i == 0) first[name] = answer->logits;
    }
    const SessionReport report = session.report();
    REQUIRE(report.links.size() == 4);
    CHECK(report.links[1].codec == name);
    CHECK(report.links[2].codec == name);
    CHECK(report.links[1].bits > 0.5);
    CHECK(report.links[1].bits < 9);
  }
  CHECK(first["klt 1.5"] != first["klt 2"]);
}

TEST_CASE("without a ladder of one's own policy ladder takes the codec file's") {
  const Setup s;
  LinkPlan plan = s.plan();
  CHECK(plan.links.policy == Policy::ladder);
  CHECK(plan.links.ladder == own_ladder);
  CHECK(plan.codec_hash == CodecFile(s.codecs).hash());
  CHECK(plan.notice.empty());

  LinkChoice named;
  named.ladder = s.folder / "ladder.json";
  std::ofstream(*named.ladder) << ladder_to_json({{raw32, 100}, {ptq8, 98}});
  plan = s.plan(named);
  CHECK(plan.links.ladder.size() == 2);
  CHECK(plan.codec_hash.empty());  // nodes need no codec file for that

  CHECK(s.plan(fixed(klt1_5)).codec_hash == CodecFile(s.codecs).hash());
  CHECK(s.plan(fixed(ptq8)).codec_hash.empty());
  const Setup without(no_cuts);
  CHECK(without.plan().links.ladder == default_ladder());
  CHECK(without.plan().notice.empty());
  CHECK(without.plan(fixed(ptq8)).codec_hash.empty());
}

TEST_CASE("klt without tables for every cut: dropped from a ladder, refused as the codec") {
  const Setup s({2, 4});
  const LinkPlan plan = s.plan();
  CHECK(plan.links.ladder == Ladder{{raw32, 100}, {ptq8, 99}});
  CHECK(plan.codec_hash.empty());
  CHECK(contains(plan.notice, "klt is not used: '" + s.codecs +
                                  "' has nothing about the cut after "
                                  "block 4: "));
  CHECK(contains(plan.notice, "quantring calibrate PHOTOS --model " + s.model + " --cuts 2,4"));
  CHECK(contains(s.refusal(fixed(klt1_5)), "nothing about the cut after block 4"));

  const Setup without(no_cuts);
  CHECK(contains(without.refusal(fixed(klt1_5)), "klt 1.5 needs"));
  CHECK(contains(without.refusal(fixed(klt1_5)), "there is no '" + without.codecs + "'"));
  CHECK(contains(without.refusal(fixed(klt1_5)),
                 "`quantring calibrate PHOTOS --model " + without.model + "`"));
  LinkChoice named;
  named.ladder = without.folder / "ladder.json";
  std::ofstream(*named.ladder) << ladder_to_json(own_ladder);
  CHECK(without.plan(named).links.ladder == Ladder{{raw32, 100}, {ptq8, 99}});
  CHECK(contains(without.plan(named).notice, "klt is not used: there is no"));
  std::ofstream(*named.ladder) << ladder_to_json({{klt2, 95}});
  CHECK(contains(without.refusal(named), "no point of the ladder can be used"));
  LinkChoice quantpipe = fixed(klt2);
  quantpipe.policy = Policy::quantpipe;
  CHECK(contains(s.refusal(quantpipe), "policy quantpipe chooses 2 to 16 bits"));
}

TEST_CASE("a codec file of another model, or one that is damaged, is one line; others still work") {
  const Setup s;
  test::write_tiny_model(s.model, 8);
  CHECK(contains(s.refusal(), "'" + s.codecs + "' belongs to another model than '" + s.model));
  CHECK(contains(s.refusal(), "remove it"));
  CHECK(s.refusal(fixed(klt2)) == s.refusal());
  CHECK(s.plan(fixed(ptq8)).links.start == ptq8);

  const Setup damaged;
  std::filesystem::resize_file(damaged.codecs, 100);
  CHECK(contains(damaged.refusal(), damaged.codecs));
  CHECK(s.plan(fixed(ptq8)).links.start == ptq8);
}

TEST_CASE("a node needs the head's codec file, if the plan says so") {
  const Setup s;
  const WorkOrder order = s.order();
  CHECK(work_order_from_json(work_order_to_json(order)).codec_hash == order.codec_hash);
  CHECK_NOTHROW(StageWorker(s.model, order, {}, {}));

  WorkOrder other = order;
  other.codec_hash = std::string(64, 'a');
  CHECK(contains(s.node_refusal(other), "codec file '" + s.codecs + "' has hash " +
                                            order.codec_hash.substr(0, 16) +
                                            ", the head's has aaaaaaaaaaaaaaaa: copy"));
  std::filesystem::remove(s.codecs);
  CHECK(contains(s.node_refusal(order), "there is no '" + s.codecs + "'"));
  // Heads from before codec files, and plans that need none.
  other.codec_hash.clear();
  other.link.start = ptq8;
  CHECK(!contains(work_order_to_json(other), "codec_hash"));
  CHECK(work_order_from_json(work_order_to_json(other)).codec_hash.empty());
  CHECK_NOTHROW(StageWorker(s.model, other, {}, {}));
}

TEST_CASE("a node's refusal reaches the head") {
  const Setup s, elsewhere(no_cuts);
  const test::NodeThreads good(s.model, 2), bad(elsewhere.model, 1);
  std::vector<std::string> addresses = good.addresses();
  addresses.push_back(bad.addresses()[0]);
  const std::string error =
      error_of([&] { Session::open_ring(Model(s.model), ring_of(addresses, "klt 2")); });
  CHECK(contains(error, bad.addresses()[0]));
  CHECK(contains(error, "there is no '" + elsewhere.codecs + "'"));
  CHECK(contains(
      error_of([&] { Session::open_ring(Model(s.model), ring_of(good.addresses(), "klt 2x")); }),
      "codec 'klt 2x'"));
}
