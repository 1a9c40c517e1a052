// No link is coded finer or coarser than the slowest part of the whole way warrants: whole rings in
// simulated time.

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "apps/session/ring/link_choice.h"
#include "ops/base/error.h"
#include "tests/apps/session/simulated_way.h"

using namespace quantring;
using simulated::Way;
using simulated::WaySetting;

namespace {

constexpr CodecSpec raw32{CodecId::raw32, 32}, raw16{CodecId::raw16, 16}, ptq8{CodecId::ptq, 8},
    ptq7{CodecId::ptq, 7}, ptq5{CodecId::ptq, 5};

WaySetting even_ring(std::size_t stages, double mbps) {
  WaySetting setting;
  setting.links.assign(stages + 1, mbps);
  setting.options = choose_links({}, {});
  return setting;
}

// images/s over the next so many seconds.
double rate_of(Way& way, double seconds) {
  const double begin = way.now();
  const std::uint64_t images = way.images();
  way.until(begin + seconds);
  return static_cast<double>(way.images() - images) / (way.now() - begin);
}

WaySetting fixed(WaySetting setting) {
  setting.options = {};
  return setting;
}

}  // namespace

TEST_CASE("the head's link is the slowest: the others are coded no coarser than it warrants") {
  for (const bool bursts : {false, true}) {
    for (const double mbps : {4.0, 8.0, 15.0}) {
      CAPTURE(mbps);
      CAPTURE(bursts);
      WaySetting setting = even_ring(6, mbps);
      setting.bursts = bursts;
      setting.packed = 1;  // pictures of noise
      Way way(setting);
      way.until(20);
      for (std::size_t link = 1; link < 6; ++link) CHECK(way.codec(link) == raw32);
      CHECK(way.changes() == 0);
      CHECK(way.limit().part == "link head -> 0");
      // Photos: fewer bytes of pixels, and raw16 gains what that gains.
      setting.packed = 0.55;
      Way photos(setting), uncoded(fixed(setting));
      photos.until(60);
      uncoded.until(60);
      for (std::size_t link = 1; link < 6; ++link) CHECK(photos.codec(link) == raw16);
      CHECK(rate_of(photos, 60) > 1.5 * rate_of(uncoded, 60));
    }
  }
}

TEST_CASE("the head's pixels become JPEGs where that lets the whole ring run faster") {
  for (const bool bursts : {false, true}) {
    for (const std::size_t stages : {1u, 3u, 6u}) {
      CAPTURE(bursts);
      CAPTURE(stages);
      WaySetting setting = even_ring(stages, 8);
      setting.bursts = bursts;
      Way lossless(setting);
      setting.jpeg = true;
      Way way(setting);
      lossless.until(60);
      way.until(60);
      CHECK(way.pixels().id == CodecId::jpeg);
      CHECK(way.agreement() >= 90);
      CHECK(way.least_agreement >= 90);
      CHECK(rate_of(way, 60) > (stages == 6 ? 1.3 : 1.8) * rate_of(lossless, 60));
      way.forget_changes();
      way.until(way.now() + 300);
      CHECK(way.changes() <= 4);
    }
  }
  // Not where the floor forbids it, nor where another part is the slowest.
  WaySetting setting = even_ring(3, 8);
  setting.jpeg = true;
  setting.options.floor = 99.9;
  Way strict(setting);
  strict.until(60);
  CHECK(strict.pixels() == CodecSpec{CodecId::packed_pixels, 8});
  setting = even_ring(3, 100);
  setting.jpeg = true;
  setting.compute_rate = 8;
  Way slow(setting);
  slow.until(60);
  CHECK(slow.pixels() == CodecSpec{CodecId::pixels, 8});
}

TEST_CASE("the return link, the source or a stage is the slowest: fast links stay at raw32") {
  for (const bool bursts : {false, true}) {
    CAPTURE(bursts);
    const auto check = [&](WaySetting setting, const char* part) {
      setting.bursts = bursts;
      Way way(setting);
      way.until(300);
      for (std::size_t link = 1; link < 4; ++link) CHECK(way.codec(link) == raw32);
      CHECK(way.changes() == 0);
      CHECK(way.limit().part == part);
    };
    WaySetting setting = even_ring(4, 20);
    setting.links.back() = 0.1;
    check(setting, "link 3 -> head");
    setting = even_ring(4, 20);
    setting.source_rate = 5;
    check(setting, "the source");
    setting = even_ring(4, 20);
    setting.compute_rate = 6;
    Way way(setting);
    way.until(300);
    CHECK(way.changes() == 0);
    CHECK(way.limit().part.rfind("compute of stage", 0) == 0);
    CHECK(way.pixels() == CodecSpec{CodecId::pixels, 8});
  }
}

TEST_CASE("one slow link takes the whole floor, and no other is coded for more than it carries") {
  for (const bool bursts : {false, true}) {
    CAPTURE(bursts);
    WaySetting setting = even_ring(6, 100);
    setting.bursts = bursts;
    setting.links[3] = 3;
    Way way(setting);
    way.until(120);
    CHECK(way.codec(3) == ptq5);
    for (const std::size_t link : {1u, 2u, 4u, 5u}) CHECK(way.codec(link) == raw32);
    CHECK(way.agreement() >= 90);
    CHECK(way.least_agreement >= 90);
    CHECK(way.limit().part == "link 2 -> 3");
    CHECK(way.limit().coded);
    CHECK(way.limit().floor);
    CHECK(way.limit().rest == doctest::Approx(40).epsilon(0.05));
    CHECK(rate_of(way, 60) == doctest::Approx(way.limit().rate).epsilon(0.1));
  }
}

TEST_CASE("all links are slow: together they stay above the floor, always") {
  for (const double floor : {0.0, 80.0, 90.0, 97.0, 99.5}) {
    for (const double mbps : {1.0, 2.0, 5.0, 12.0}) {
      CAPTURE(floor);
      CAPTURE(mbps);
      WaySetting setting = even_ring(6, mbps);
      setting.links.front() = setting.links.back() = 1000;
      setting.compute_rate = 100;
      setting.options.floor = floor;
      Way way(setting), uncoded(fixed(setting));
      way.until(200);
      uncoded.until(20);
      CHECK(way.least_agreement >= floor - 0.01);
      CHECK(rate_of(way, 20) > (floor >= 97 ? 1.9 : 3.4) * rate_of(uncoded, 20));
      way.forget_changes();
      way.until(way.now() + 300);
      CHECK(way.changes() <= 5);
    }
  }
}

TEST_CASE("a steady ring: no point goes back and forth") {
  int runs = 0, changed = 0;
  for (const bool bursts : {false, true}) {
    for (int step = 0; step < 20; ++step) {
      WaySetting setting = even_ring(3, 2 * std::pow(1.25, step));
      setting.bursts = bursts;
      setting.seed = static_cast<unsigned>(step + 1);
      CAPTURE(setting.links[0]);
      CAPTURE(bursts);
      Way way(setting);
      way.until(120);
      way.forget_changes();
      way.until(120 + 600);
      ++runs;
      changed += way.changes();
      CHECK(way.changes() <= 4);
    }
  }
  MESSAGE(changed << " changes in " << runs << " times ten minutes");
  CHECK(changed < runs / 2);
}

TEST_CASE("a link that falls and comes back") {
  WaySetting setting = even_ring(4, 200);
  Way way(setting);
  way.until(30);
  CHECK(way.changes() == 0);
  way.set_link(2, 6);
  way.until(60);
  CHECK(way.codec(2) == ptq5);
  CHECK(way.least_agreement >= 90);
  way.set_link(2, 200);
  way.until(120);
  CHECK(way.codec(2) == raw32);
}

TEST_CASE("a target that the way cannot carry asks no more of the links than it can") {
  WaySetting setting = even_ring(6, 8);
  setting.packed = 1;
  setting.options.target_rate = 60;
  Way way(setting);
  way.until(120);
  for (std::size_t link = 1; link < 6; ++link) CHECK(way.codec(link) == raw32);
  CHECK(way.limit().part == "link head -> 0");
  // And no more than was asked for.
  setting = even_ring(3, 100);
  setting.links[1] = 10;
  setting.options.target_rate = 7;
  Way low(setting);
  low.until(60);
  CHECK(low.codec(1) == raw32);
  CHECK(low.changes() == 0);
}

TEST_CASE("an instruction that cannot be read is refused, and one of another ring is not ours") {
  const std::string text = link_targets_json({{61.25, 97.9}, {30, 0}});
  CHECK(link_target_from_json(text, 0)->rate == 61.25);
  CHECK(link_target_from_json(text, 0)->floor == 97.9);
  CHECK(link_target_from_json(text, 1)->rate == 30);
  CHECK_FALSE(link_target_from_json(text, 2));
  for (const char* bad :
       {"", "{", "[]", "3", "{}", R"({"links": 3})", R"({"links": [3]})", R"({"links": [[1]]})",
        R"({"links": [[-1, 0]]})", R"({"links": [[1, 101]]})", R"({"links": [[1e9, 0]]})",
        R"({"links": [["x", 0]]})"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(link_target_from_json(bad, 0), Error);
  }
}
