// Rates, shares and latencies out of counters that were made up.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "apps/camera/latency_histogram.h"
#include "apps/camera/live_meter.h"
#include "apps/session/ring/watch/worker_stats.h"

using namespace quantring;
using namespace quantring::apps;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr LiveMeter::Time start{seconds(1000)};

const ControllerOptions controller;

// A ring of two stages that has run for `s` seconds at 20 images/s.
net::RingStats ring_after(double s) {
  const auto images = static_cast<std::uint64_t>(20 * s);
  net::RingStats ring;
  ring.stages.resize(2);
  for (int i = 0; i < 2; ++i) {
    net::StageStats& stage = ring.stages[static_cast<std::size_t>(i)];
    stage.stage = i;
    stage.images = images;
    stage.compute_s = 0.4 * s;
    stage.output.frames = stage.output.images = images;
    stage.output.payload_bytes = 400 * images;  // 32 bits an element
    stage.output.wire_bytes = 500 * images;
    stage.output.sending_s = 0.25 * s;
    WorkerStats worker;
    worker.elements_per_image = 100;
    worker.has_output = true;
    stage.app_json = worker_stats_to_json(worker);
    stage.output.rtt_s = 0.003;
  }
  ring.input = ring.stages[0].output;
  return ring;
}

}  // namespace

TEST_CASE("rates are those of the last seconds") {
  LiveMeter meter;
  LiveStatus status;
  const std::vector<StageRange> ranges{{0, 6}, {6, 12}};
  for (int s = 0; s <= 20; ++s) {
    meter.measure(start + seconds(s), static_cast<std::uint64_t>(20 * s), ring_after(s), {}, ranges,
                  controller, status);
  }
  CHECK(status.images_per_s == doctest::Approx(20));
  REQUIRE(status.stages.size() == 2);
  CHECK(status.stages[1].images_per_s == doctest::Approx(20));
  CHECK(status.stages[1].busy == doctest::Approx(0.4));
  CHECK(status.stages[1].images == 400);
  REQUIRE(status.links.size() == 3);
  CHECK(status.links[0].name == "head -> 0");
  CHECK(status.links[1].name == "0 -> 1");
  CHECK(status.links[2].name == "1 -> head");
  CHECK(status.links[1].mbps == doctest::Approx(20 * 500 * 8e-6));
  CHECK(status.links[1].busy == doctest::Approx(0.25));
  CHECK(status.links[1].bits == doctest::Approx(32));
  CHECK(status.links[1].rtt_ms == doctest::Approx(3));
  CHECK(status.links[1].codec == "raw32");
  CHECK(status.links[2].codec == "logits");
  // The source stops: within the window the rate falls to nothing.
  for (int s = 21; s <= 30; ++s) {
    meter.measure(start + seconds(s), 400, ring_after(20), {}, ranges, controller, status);
  }
  CHECK(status.images_per_s == 0);
  CHECK(status.stages[0].busy == 0);
  CHECK(status.links[1].mbps == 0);
}

TEST_CASE("a new session's counters begin at zero, and that is no rate") {
  LiveMeter meter;
  LiveStatus status;
  const std::vector<StageRange> ranges{{0, 6}, {6, 12}};
  meter.measure(start, 0, ring_after(100), {}, ranges, controller, status);
  meter.measure(start + seconds(1), 20, {}, {}, ranges, controller, status);  // the ring is lost
  // The page keeps it, at rest.
  REQUIRE(status.stages.size() == 2);
  REQUIRE(status.links.size() == 3);
  CHECK(status.stages[1].busy == 0);
  CHECK(status.stages[1].images_per_s == 0);
  CHECK(status.links[1].mbps == 0);
  CHECK(status.links[1].name == "0 -> 1");
  meter.new_session();
  meter.measure(start + seconds(2), 20, ring_after(0), {}, ranges, controller, status);
  meter.measure(start + seconds(3), 40, ring_after(1), {}, ranges, controller, status);
  CHECK(status.images_per_s == doctest::Approx(20));
  REQUIRE(status.links.size() == 3);
  CHECK(status.links[1].mbps == doctest::Approx(20 * 500 * 8e-6));
}

TEST_CASE("the agreement of a link is the ladder's for its coding") {
  ControllerOptions own;
  own.ladder = {{{CodecId::raw32, 32}, 100}, {{CodecId::ptq, 6}, 91.5}};
  const auto agreement = [&](CodecSpec codec, const ControllerOptions& links) {
    net::RingStats ring = ring_after(1);
    WorkerStats worker;
    worker.has_output = true;
    worker.output.point = codec;
    ring.stages[0].app_json = worker_stats_to_json(worker);
    LiveMeter meter;
    LiveStatus status;
    meter.measure(start, 0, ring, {}, {{0, 6}, {6, 12}}, links, status);
    CHECK(status.links[0].agreement_percent == 0);  // pixels and logits are not coded
    CHECK(status.links[2].agreement_percent == 0);
    return status.links[1].agreement_percent;
  };
  CHECK(agreement({CodecId::raw32, 32}, own) == 100);
  CHECK(agreement({CodecId::ptq, 6}, own) == 91.5);
  CHECK(agreement({CodecId::ptq, 8}, controller) == default_ladder()[2].agreement);
  CHECK(agreement({CodecId::aciq, 3}, controller) == 0);  // unknown
}

TEST_CASE("a rate is the target only where one was set") {
  const auto measured = [](double target) {
    ControllerOptions links;
    links.target_rate = target;
    OutputHistories outputs(2);
    outputs[0].last.target_rate = 12.5;
    LiveMeter meter;
    LiveStatus status;
    meter.measure(start, 0, ring_after(1), outputs, {{0, 6}, {6, 12}}, links, status);
    CHECK(status.needed_rate == 12.5);
    return status.target_set;
  };
  CHECK_FALSE(measured(0));
  CHECK(measured(12.5));
}

TEST_CASE("latencies: nearest rank over the last ten seconds") {
  LiveMeter meter;
  LiveStatus status;
  for (int i = 1; i <= 100; ++i) meter.answered(start + milliseconds(i), 9.0);
  for (int i = 1; i <= 100; ++i) meter.answered(start + seconds(20) + milliseconds(i), 0.01 * i);
  meter.measure(start + seconds(21), 200, {}, {}, {}, controller, status);
  CHECK(status.latency_p50_s == doctest::Approx(0.50));
  CHECK(status.latency_p95_s == doctest::Approx(0.95));
  meter.measure(start + seconds(40), 200, {}, {}, {}, controller, status);
  CHECK(status.latency_p50_s == 0);
}

TEST_CASE("the histogram of a whole run is within its 2 % of a sorted list") {
  LatencyHistogram histogram;
  CHECK(histogram.percentile(0.5) == 0);
  std::mt19937 random(3);
  std::lognormal_distribution<double> latency(std::log(0.05), 0.7);
  std::vector<double> all;
  for (int i = 0; i < 20000; ++i) {
    all.push_back(latency(random));
    histogram.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double fraction : {0.01, 0.5, 0.95, 0.999}) {
    CAPTURE(fraction);
    const double exact = all[static_cast<std::size_t>(std::ceil(fraction * 20000)) - 1];
    CHECK(histogram.percentile(fraction) >= exact * 0.9999);
    CHECK(histogram.percentile(fraction) <= exact * 1.0201);
  }
  CHECK(histogram.percentile(1) == all.back());
  CHECK(histogram.max() == all.back());
  histogram.add(0);
  histogram.add(1e9);
  CHECK(histogram.max() == 1e9);
}
