// Link settings, the work order made from them, and the statistics of links.

#include <doctest/doctest.h>

#include <fstream>

#include "apps/session/ring/link_choice.h"
#include "apps/session/ring/watch/output_history.h"
#include "apps/session/ring/watch/way_rates.h"
#include "apps/session/ring/watch/worker_stats.h"
#include "apps/session/ring/work_order.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"

using namespace quantring;

namespace {

constexpr CodecSpec raw32{CodecId::raw32, 32}, raw16{CodecId::raw16, 16}, ptq4{CodecId::ptq, 4},
    ptq8{CodecId::ptq, 8};

LinkChoice with(std::optional<Policy> policy, std::optional<CodecSpec> codec,
                std::optional<double> target = {}, std::optional<double> floor = {}) {
  return {policy, codec, target, floor, {}, {}};
}

}  // namespace

TEST_CASE("a codec alone is fixed; with neither codec nor policy it is ring from raw32") {
  const ControllerOptions by_default = choose_links({}, {});
  CHECK(by_default.policy == Policy::ladder);
  CHECK(by_default.start == raw32);
  CHECK(by_default.target_rate == 0);
  CHECK(by_default.floor == 90);
  CHECK(by_default.ladder == default_ladder());
  // On a link that is fast enough the answers are those of one process.
  CHECK(Controller(choose_links({}, {})).current() == raw32);

  CHECK(choose_links(with({}, ptq4), {}).policy == Policy::fixed);
  CHECK(choose_links(with({}, ptq4), {}).start == ptq4);
  CHECK(choose_links({}, with({}, ptq4)).policy == Policy::fixed);
  CHECK(choose_links(with(Policy::fixed, {}), {}).start == raw32);
}

TEST_CASE("flags win over the ring file, key by key") {
  const LinkChoice file = with(Policy::ladder, raw16, 60, 90);
  CHECK(choose_links({}, file).start == raw16);
  CHECK(choose_links({}, file).target_rate == 60);
  CHECK(choose_links({}, file).floor == 90);
  CHECK(choose_links(with({}, {}, 30), file).target_rate == 30);
  CHECK(choose_links(with({}, {}, 30), file).floor == 90);

  const ControllerOptions fixed = choose_links(with({}, ptq4), file);
  CHECK(fixed.policy == Policy::fixed);
  CHECK(fixed.start == ptq4);
  CHECK(choose_links(with(Policy::fixed, {}), file).start == raw16);
  // raw16 has one width: it is no start for the paper's policy, which has its own.
  const ControllerOptions paper = choose_links(with(Policy::quantpipe, {}), file);
  CHECK(has_widths(paper.start.id));
  CHECK(paper.target_rate == 60);
  CHECK(choose_links(with(Policy::quantpipe, ptq8), file).start == ptq8);
}

TEST_CASE("a flag about the rate outranks a codec alone in the ring file") {
  const LinkChoice file = with({}, ptq8);
  const ControllerOptions chosen = choose_links(with({}, {}, 60, 90), file);
  CHECK(chosen.policy == Policy::ladder);
  CHECK(chosen.start == ptq8);
  CHECK(chosen.target_rate == 60);
  CHECK(chosen.floor == 90);
  // Not a policy that the file names, nor a codec beside it on the command line.
  CHECK_THROWS_WITH_AS(choose_links(with({}, {}, 60), with(Policy::fixed, ptq8)),
                       doctest::Contains("add --policy"), OptionError);
  CHECK_THROWS_WITH_AS(choose_links(with({}, ptq4, 60), file), doctest::Contains("add --policy"),
                       OptionError);
}

TEST_CASE("a ladder of one's own") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "ladder.json";
  std::ofstream(path) << ladder_to_json({{raw32, 100}, {ptq8, 98}, {ptq4, 70}});
  LinkChoice flags;
  flags.ladder = path;
  flags.floor = 80;
  CHECK(choose_links(flags, {}).ladder.size() == 3);
  flags.policy = Policy::quantpipe;
  flags.floor.reset();
  CHECK_THROWS_WITH_AS(choose_links(flags, {}), doctest::Contains("--ladder"), Error);
}

TEST_CASE("a work order holds all that the controller needs") {
  WorkOrder order;
  order.model_hash = "abc";
  order.range = {3, 12};
  order.max_images = 64;
  order.link = choose_links(with(Policy::ladder, raw16, 61.5, 90), {});
  order.link.window = 20;
  order.stage = 3;
  const WorkOrder read = work_order_from_json(work_order_to_json(order));
  CHECK(read.model_hash == "abc");
  CHECK(read.range == order.range);
  CHECK(read.max_images == 64);
  CHECK(read.link.policy == Policy::ladder);
  CHECK(read.link.start == raw16);
  CHECK(read.link.target_rate == 61.5);
  CHECK(read.link.floor == 90);
  CHECK(read.link.window == 20);
  CHECK(read.stage == 3);
  CHECK(read.link.ladder == default_ladder());
}

TEST_CASE("a work order with anything out of bounds is refused") {
  WorkOrder order;
  order.model_hash = "abc";
  order.link = choose_links({}, {});
  const auto good = try_parse_json(work_order_to_json(order));
  CHECK_NOTHROW(work_order_from_json(json_text(good)));
  const auto refused = [&](const char* key, const nlohmann::json& value) {
    auto bad = good;
    bad["link"][key] = value;
    CAPTURE(json_text(bad));
    CHECK_THROWS_AS(work_order_from_json(json_text(bad)), Error);
  };
  refused("policy", "best");
  refused("policy", 1);
  refused("codec", "zip");
  refused("bits", 31);
  refused("bits", -1);
  for (const char* key : {"target", "floor"}) {
    refused(key, -1);
    refused(key, 1e7);
    refused(key, "60");
    refused(key, nullptr);
  }
  for (const int window : {-1, 0, 1, 10001}) refused("window", window);
  refused("window", 2.5);
  refused("ladder", nlohmann::json::array());
  refused("ladder", {{"ladder", nlohmann::json::array()}});
  for (const char* key : {"policy", "codec", "bits", "target", "floor", "window", "ladder"}) {
    auto bad = good;
    bad["link"].erase(key);
    CHECK_THROWS_AS(work_order_from_json(json_text(bad)), Error);
  }
  CHECK_THROWS_AS(work_order_from_json("{}"), Error);
  CHECK_THROWS_AS(work_order_from_json("nonsense"), Error);
}

TEST_CASE("a worker's report fits in what the ring carries, with the latest decisions") {
  WorkerStats stats;
  stats.range = "blocks 0-6";
  stats.device = "cpu f32";
  stats.resident_mb = 12.34;
  stats.has_output = true;
  stats.output.policy = Policy::ladder;
  stats.output.point = ptq4;
  stats.output.capacity_bps = 48.9e6;
  stats.output.target_rate = 60;
  stats.output.decision_count = 100;
  for (std::uint64_t i = 36; i < 100; ++i) {
    Decision decision;
    decision.frame = 10 * i;
    decision.time_s = static_cast<double>(i);
    decision.from = ptq8;
    decision.to = ptq4;
    decision.capacity_bps = 48.9e6;
    decision.short_of_target = i == 99;
    decision.cause = std::string(150, 'c') + " \"quoted\" \x01 " + std::to_string(i);
    stats.output.decisions.push_back(decision);
  }
  const std::string text = worker_stats_to_json(stats);
  CHECK(text.size() <= 2048);
  const WorkerStats read = worker_stats_from_json(text);
  CHECK(read.range == "blocks 0-6");
  CHECK(read.resident_mb == doctest::Approx(12.3));
  CHECK(read.output.point == ptq4);
  CHECK(read.output.capacity_bps == 48.9e6);
  CHECK(read.output.decision_count == 100);
  REQUIRE(read.output.decisions.size() >= 3);
  const Decision& last = read.output.decisions.back();
  CHECK(last.frame == 990);
  CHECK(last.from == ptq8);
  CHECK(last.short_of_target);
  // Control characters do not reach a terminal.
  CHECK(last.cause == std::string(150, 'c') + " \"quoted\"   99");
  CHECK(decision_text(last).rfind("batch 990 at 99.0 s: ptq 8 -> ptq 4: c", 0) == 0);
}

TEST_CASE("whatever a node sends as its report is read without harm") {
  for (const char* text :
       {"", "x", "[]", "{}", R"({"output": 3})", R"({"output": {"policy": 7, "point": ["ptq"]}})",
        R"({"output": {"point": ["ptq", 99], "decision_count": -1, "decisions": [1, {}, null]}})",
        R"({"range": 1, "device": {}, "resident_mb": "x"})"}) {
    CAPTURE(text);
    const WorkerStats stats = worker_stats_from_json(text);
    CHECK(stats.resident_mb == 0);
    CHECK(stats.output.decision_count == 0);
    CHECK(stats.output.point == CodecSpec{});
  }
}

TEST_CASE("the head pieces the decisions together from reports that overlap or leave some out") {
  const auto report = [](std::uint64_t first, std::uint64_t count) {
    WorkerStats stats;
    stats.has_output = true;
    stats.output.decision_count = count;
    for (std::uint64_t i = first; i < count; ++i) {
      stats.output.decisions.emplace_back();
      stats.output.decisions.back().frame = i;
    }
    net::RingStats ring;
    ring.stages.resize(2);
    ring.stages[0].app_json = worker_stats_to_json(stats);
    return ring;
  };
  OutputHistories histories;
  add_report(histories, report(0, 0));
  add_report(histories, report(0, 2));
  add_report(histories, report(0, 2));
  add_report(histories, report(1, 4));
  add_report(histories, report(7, 9));  // 4, 5 and 6 were never seen
  REQUIRE(histories.size() == 2);
  CHECK(histories[0].controlled);
  CHECK_FALSE(histories[1].controlled);
  CHECK(histories[0].missed == 3);
  std::vector<std::uint64_t> frames;
  for (const Decision& decision : histories[0].decisions) frames.push_back(decision.frame);
  CHECK(frames == std::vector<std::uint64_t>{0, 1, 2, 3, 7, 8});
}

TEST_CASE("a link's capacity is remembered when it has become idle") {
  net::RingStats ring;
  ring.stages.resize(1);
  ring.stages[0].output.capacity = net::Capacity::measured;
  ring.stages[0].output.capacity_bps = 5e6;
  OutputHistories histories;
  add_report(histories, ring);
  ring.stages[0].output = {};
  add_report(histories, ring);
  CHECK(histories[0].capacity == net::Capacity::measured);
  CHECK(histories[0].capacity_bps == 5e6);
}

TEST_CASE("rates of the parts: what a moment's hold-up or an idle link does not change") {
  WayRates rates;
  net::RingStats ring;
  ring.stages.resize(2);
  double now_s = 0;
  const auto half_second = [&](double fast, double slow) {
    now_s += 0.5;
    for (const auto& [stage, speed] : {std::pair{0, fast}, std::pair{1, slow}}) {
      if (speed == 0) continue;
      ring.stages[static_cast<std::size_t>(stage)].images += 16;
      ring.stages[static_cast<std::size_t>(stage)].compute_s += 16 / speed;
    }
    rates.update(ring, now_s);
    return rates.compute_rate();
  };
  // Nothing until every stage has computed enough.
  CHECK(half_second(100, 0) == 0);
  CHECK(half_second(100, 50) == 0);
  CHECK(half_second(100, 50) == 0);
  CHECK(half_second(100, 50) == doctest::Approx(50));
  CHECK(rates.slowest_stage() == 1);
  for (int i = 0; i < 40; ++i) CHECK(half_second(100, i % 13 < 2 ? 10 : 50) == doctest::Approx(50));
  for (int i = 0; i < 40; ++i) half_second(30, 50);
  CHECK(rates.compute_rate() == doctest::Approx(30));
  CHECK(rates.slowest_stage() == 0);

  // A link is known once it was full, by the meter or by the time in sending.
  const auto sent = [&](net::LinkStats& link, net::Capacity kind, double bps, double busy) {
    now_s += 0.5;
    link.images += 4;
    link.wire_bytes += 40000;
    link.sending_s += 0.5 * busy;
    link.capacity = kind;
    link.capacity_bps = bps;
    rates.update(ring, now_s);
    return rates.capacity(0);
  };
  for (int i = 0; i < 10; ++i) CHECK(sent(ring.input, net::Capacity::at_least, 5e6, 0.3) == 0);
  for (int i = 0; i < 10; ++i) sent(ring.input, net::Capacity::unknown, 0, 1);
  CHECK(rates.capacity(0) == doctest::Approx(640e3));
  CHECK(rates.link_rate(0) == doctest::Approx(8));
  for (int i = 0; i < 20; ++i) sent(ring.input, net::Capacity::measured, i % 7 == 0 ? 1e9 : 1e6, 1);
  CHECK(rates.capacity(0) == doctest::Approx(1e6));
  CHECK(rates.link_rate(0) == doctest::Approx(12.5));
  CHECK(sent(ring.input, net::Capacity::at_least, 0.9e6, 0.9) == doctest::Approx(1e6));
  // It has become faster, and how fast is not known.
  CHECK(sent(ring.input, net::Capacity::at_least, 3e6, 0.5) == 0);
}
