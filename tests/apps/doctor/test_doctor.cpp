// Parts of `quantring doctor`: output of findings, other programs, test frames, link readings and
// model files.

#include <doctest/doctest.h>

#include "apps/doctor/checks.h"
#include "apps/doctor/link_readings.h"
#include "apps/doctor/machine/run_program.h"
#include "apps/session/node/probe_frames.h"
#include "ops/base/json.h"
#include "tests/apps/commands/programs.h"
#include "tests/apps/doctor/doctor_fixture.h"

using namespace quantring;
using namespace quantring::apps;
using namespace quantring::test;

namespace {

const std::vector<Section> example = {
    {"Memory",
     {{Severity::ok, "memory", "5 GB of 8 GB available", ""},
      {Severity::warning, "swap", "half of it used", "end other programs"}}},
    {"Jetson", {}},
    {"Ring", {{Severity::problem, "stage 0", "bad\x1b[31m\nname", "restart it"}}}};

}  // namespace

TEST_CASE("findings as text: aligned, remedies below, no control characters") {
  CHECK(findings_text(example, false) ==
        "Memory\n"
        "  ok       memory  5 GB of 8 GB available\n"
        "  warning  swap    half of it used\n"
        "                   -> end other programs\n"
        "\n"
        "Ring\n"
        "  problem  stage 0  bad [31m name\n"
        "                    -> restart it\n"
        "\n"
        "1 problem, 1 warning\n");
  CHECK(contains(findings_text(example, true), "\x1b[31mproblem\x1b[0m"));
  CHECK(any_problem(example));
  CHECK(!any_problem({example[0]}));
}

TEST_CASE("findings as JSON") {
  const auto json = try_parse_json(findings_json(example));
  CHECK(json["version"] == QUANTRING_VERSION);
  CHECK(json["problems"] == 1);
  CHECK(json["warnings"] == 1);
  REQUIRE(json["sections"].size() == 2);
  CHECK(json["sections"][0]["title"] == "Memory");
  const auto& swap = json["sections"][0]["findings"][1];
  CHECK(swap["severity"] == "warning");
  CHECK(swap["subject"] == "swap");
  CHECK(swap["found"] == "half of it used");
  CHECK(swap["remedy"] == "end other programs");
  CHECK(!json["sections"][0]["findings"][0].contains("remedy"));
}

TEST_CASE("other programs: exit status, and a time limit") {
  using std::chrono::seconds;
  CHECK(exit_status({"true"}, seconds(20)) == 0);
  CHECK(exit_status({"sh", "-c", "exit 3"}, seconds(20)) == 3);
  CHECK(!exit_status({"no-such-program-here"}, seconds(20)));
  CHECK(!exit_status({"sleep", "1000"}, std::chrono::milliseconds(50)));
  CHECK(in_path("sh"));
  CHECK(!in_path("no-such-program-here"));
}

// Lengths of test frames on a link of this speed, with counters as net::Link keeps them.
std::vector<std::size_t> lengths_on(double bytes_per_second, int frames) {
  ProbeFrames probe;
  net::LinkStats link;
  std::vector<std::size_t> lengths;
  for (int i = 0; i < frames; ++i) {
    const net::Message message = probe.next(link);
    lengths.push_back(message.payload.size());
    link.wire_bytes += message.payload.size() + 56;
    link.sending_s += static_cast<double>(message.payload.size()) / bytes_per_second;
  }
  return lengths;
}

TEST_CASE("test frames take about 0.15 s on any link and start short") {
  for (const double mbit : {1.0, 20.0, 500.0}) {
    CAPTURE(mbit);
    const double per_second = mbit * 1e6 / 8;
    const auto lengths = lengths_on(per_second, 20);
    CHECK(lengths.front() == 16384);
    for (std::size_t i = 1; i < lengths.size(); ++i) CHECK(lengths[i] <= 4 * lengths[i - 1]);
    CHECK(static_cast<double>(lengths.back()) / per_second == doctest::Approx(0.15).epsilon(0.05));
  }
  CHECK(lengths_on(1000, 20).back() == 4096);                   // the minimum
  CHECK(lengths_on(1e12, 20).back() == std::size_t{16} << 20);  // the maximum
  // Nothing is known before something was sent.
  ProbeFrames probe;
  for (int i = 0; i < 5; ++i) CHECK(probe.next({}).payload.size() == 16384);
}

TEST_CASE("the readings of a link: the median of the latest, or a lower bound") {
  net::RingStats idle;
  idle.stages.resize(1);
  idle.input.rtt_s = 0.002;
  idle.stages[0].output.rtt_s = 0.004;
  LinkReadings readings(2);
  CHECK(readings.links(idle)[0].capacity == net::Capacity::unknown);
  net::RingStats now = idle;
  now.input.rtt_s = 0.3;  // with a queue under load
  const auto add = [&](double first, net::Capacity kind, double second) {
    now.input.capacity = net::Capacity::measured;
    now.input.capacity_bps = first;
    now.stages[0].output.capacity = kind;
    now.stages[0].output.capacity_bps = second;
    readings.add(now);
  };
  for (const double bps : {1e9, 5e7, 9.8e7, 9.5e7, 9.6e7, 2e8, 2e8, 2e8, 2e8}) {
    add(bps, net::Capacity::at_least, bps / 10);
  }
  CHECK(!readings.enough());
  const auto links = readings.links(idle);
  CHECK(links[0].capacity == net::Capacity::measured);
  CHECK(links[0].capacity_bps == 9.6e7);  // the last five different ones
  CHECK(links[0].rtt_s == 0.002);
  CHECK(links[1].capacity == net::Capacity::at_least);
  CHECK(links[1].capacity_bps == 1e8);
  CHECK(links[1].rtt_s == 0.004);
  for (const double bps : {1e7, 2e7, 3e7}) add(9e7 + bps, net::Capacity::measured, bps);
  CHECK(readings.enough());
}

TEST_CASE("a model file: whole, damaged and missing") {
  const TinyModel model;
  std::optional<ModelFile> opened;
  auto found = check_model(model.path, opened);
  REQUIRE(opened);
  CHECK(count(found, Severity::problem) == 0);
  CHECK(contains(the(found, "file").found, opened->hash().substr(0, 16)));
  CHECK(contains(the(found, "architecture").found, "6 blocks, width 32, 2 heads"));
  CHECK(the(found, "labels").severity == Severity::note);

  std::string bytes = file_text(model.path);
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  const auto damaged = model.folder / "damaged.safetensors";
  std::ofstream(damaged, std::ios::binary) << bytes;
  found = check_model(damaged.string(), opened);
  CHECK(count(found, Severity::problem) == 1);
  CHECK(contains(the(found, "tensors").remedy, "copy the file again"));

  std::optional<ModelFile> none;
  found = check_model((model.folder / "no.safetensors").string(), none);
  CHECK(!none);
  CHECK(count(found, Severity::problem) == 1);
  CHECK(contains(found[0].found, "no.safetensors"));
}

TEST_CASE("weight_bytes is the size of the tensors in f32") {
  const TinyModel model;
  std::uint64_t stored = 0;
  for (const auto& [name, tensor] : model.file->tensors()) stored += tensor.bytes;
  const Architecture& a = model.file->architecture();
  CHECK(weight_bytes(a, {0, a.half_blocks()}) == stored);
  CHECK(weight_bytes(a, {0, 6}) + weight_bytes(a, {6, 12}) == stored);
}
