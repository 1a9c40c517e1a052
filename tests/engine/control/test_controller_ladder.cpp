// The policy ladder with synthetic measurements of its link.
#include <vector>

#include <doctest/doctest.h>

#include "controller_support.h"

namespace quantring {
namespace {

// ViT-Base at 100 images/s needs, in Mbit/s: raw32 484, raw16 242, ptq 8 121, 7 106, 6 90.8,
// 5 75.7, 4 60.5, ds-aciq 3 45.4, 2 30.3.
TEST_CASE("a fall is acted on at the second reading, straight to what fits") {
  ByHand link(ring_options());
  settle(link, 1000);
  CHECK(link.current() == raw32);
  CHECK(link.controller().decisions().empty());
  link.measured(49);
  CHECK(link.current() == raw32);
  link.measured(49);
  CHECK(link.current() == ds_aciq(2));  // 3 fits too, but not with 15 % to spare
  CHECK(last(link).frame == 301);
  CHECK(last(link).from == raw32);
  CHECK(last(link).to == ds_aciq(2));
  CHECK(last(link).capacity_bps == doctest::Approx(49e6));
  CHECK(last(link).target_rate == 100);
  CHECK(last(link).needed_bps == doctest::Approx(need_bps(ds_aciq(2), vit_base, 100)));
  CHECK(!last(link).short_of_target);
  CHECK(last(link).cause == "link fell to 49 Mbit/s: raw32 needs 484, ds-aciq 2 30.3");
}

TEST_CASE("a wild reading moves nothing") {
  for (const double wild : {0.001, 5.0, 100000.0}) {
    ByHand link(ring_options());
    link.sends_at_mbits = 300;
    for (int i = 0; i < 1000; ++i) link.measured(i % 11 == 7 ? wild : 300);
    CAPTURE(wild);
    CHECK(link.current() == raw16);
    CHECK(link.controller().decision_count() == 1);  // from raw32 at the start
  }
}

TEST_CASE("a shortage of a few percent is acted on within a dozen") {
  ByHand link(ring_options());
  settle(link, 300);
  REQUIRE(link.current() == raw16);
  int after = 0;
  while (link.measured(225) == raw16 && after < 100) ++after;  // 242 are needed
  CHECK(after <= 12);
  CHECK(link.current() == ptq(8));
  CHECK(contains(last(link).cause, "link fell to 2"));  // not only by the time in sending
}

TEST_CASE("at_least lowers nothing") {
  for (const double mbits : {1.0, 30.0, 400.0}) {
    ByHand link(ring_options());
    for (int i = 0; i < 1000; ++i) CHECK(link.at_least(mbits) == raw32);
    CHECK(link.controller().decisions().empty());
  }
}

TEST_CASE("unknown and idle keep the point, and so does an unknown target") {
  auto options = ring_options();
  options.start = ptq(6);
  ByHand idle(options);
  for (int i = 0; i < 300; ++i) CHECK(idle.unknown() == ptq(6));

  options.target_rate = 0;
  ByHand nobody_knows(options);
  nobody_knows.sends_at_mbits = 1000;
  for (int i = 0; i < 300; ++i) CHECK(nobody_knows.measured(i < 150 ? 5 : 5000) == ptq(6));

  // The slowest stage's rate is the target then.
  nobody_knows.seen().needed_rate = 100;
  nobody_knows.sends_at_mbits = 0;
  nobody_knows.measured(40);
  nobody_knows.measured(40);
  CHECK(nobody_knows.current() == ds_aciq(2));
}

TEST_CASE("a link that is busy all the time is lowered without a target, bit by bit") {
  auto options = ring_options(0);
  ByHand link(options);
  link.sends_at_mbits = 20;
  for (int i = 0; i < 40; ++i) link.unknown();
  CHECK(link.current() != raw32);
  const Decision& first = link.controller().decisions().front();
  CHECK(first.to == raw16);
  CHECK(contains(first.cause, "busy all the time"));
  for (int i = 0; i < 200; ++i) link.unknown();
  CHECK(link.current() == ds_aciq(2));
}

TEST_CASE("after a window it climbs at once as far as the measured room is clear") {
  struct Rise {
    double mbits;
    std::vector<CodecSpec> points;
  };
  // With 135 Mbit/s ptq 8 fits, but not with 25 % to spare: it has to wait for another window.
  for (const Rise& rise : {Rise{10000, {raw32}}, Rise{200, {ptq(8)}}, Rise{135, {ptq(7), ptq(8)}},
                           Rise{70, {ptq(4)}}}) {
    ByHand link(ring_options());
    settle(link, 40);
    REQUIRE(link.current() == ds_aciq(2));
    CAPTURE(rise.mbits);
    std::vector<CodecSpec> points;
    int since = 0;
    for (int i = 0; i < 400; ++i, ++since) {
      const CodecSpec from = link.current(), to = link.measured(rise.mbits);
      if (from == to) continue;
      CHECK(since >= (points.empty() ? 40 : 49));
      CHECK(since <= 52);
      CHECK(contains(last(link).cause, "room for finer"));
      points.push_back(to);
      since = 0;
    }
    CHECK(points == rise.points);
  }
}

TEST_CASE("without a measurement, or against it, climbing is gentle: at most twice the bytes") {
  auto options = ring_options();
  options.start = ds_aciq(2);
  for (const bool meter_too_low : {false, true}) {
    ByHand link(options);
    link.sends_at_mbits = 10000;
    double bytes = need_bps(ds_aciq(2), vit_base, 1);
    for (int i = 0; i < 400; ++i) {
      const CodecSpec from = link.current();
      const CodecSpec to = meter_too_low ? link.measured(40) : link.at_least(10000);
      if (from == to) continue;
      CHECK(need_bps(to, vit_base, 1) <= 2.001 * bytes);
      bytes = need_bps(to, vit_base, 1);
    }
    CHECK(link.current() == raw32);
  }
}

TEST_CASE("it climbs as far as at_least shows, and beyond it a point at a time") {
  auto options = ring_options();
  options.start = ds_aciq(2);
  ByHand link(options);
  link.sends_at_mbits = 85;
  for (int i = 0; i < 51; ++i) link.at_least(70);
  CHECK(link.current() == ptq(4));  // needs 60.5
  CHECK(contains(last(link).cause, "room for finer"));
  for (int i = 0; i < 50; ++i) link.at_least(70);
  CHECK(link.current() == ptq(5));  // 75.7
  CHECK(contains(last(link).cause, "trying finer: ptq 4 does not fill the link"));
  for (int i = 0; i < 50; ++i) link.at_least(80);
  CHECK(link.current() == ptq(6));

  // The link is full now: down, and not tried again while nothing more is seen.
  link.measured(80);
  link.measured(80);
  CHECK(link.current() == ptq(6));
  for (int i = 0; i < 30; ++i) link.measured(80);
  CHECK(link.current() == ptq(4));
  const auto count = link.controller().decision_count();
  for (int i = 0; i < 3000; ++i) link.at_least(70);
  CHECK(link.current() == ptq(4));
  CHECK(link.controller().decision_count() == count);
  link.sends_at_mbits = 160;
  for (int i = 0; i < 300; ++i) link.at_least(150);
  CHECK(link.current() == ptq(8));
}

TEST_CASE("a link that is no longer filled is another one, though small frames only bound it") {
  auto options = ring_options(133.6);
  ByHand link(options);
  link.seen().next = {8, 197, 192};  // DeiT-Tiny: ptq 8 needs 40.4 Mbit/s, raw16 80.9, raw32 162
  link.frame_s = 0.06;
  for (int i = 0; i < 400; ++i) link.measured(79.5);
  REQUIRE(link.current() == ptq(8));
  // Only what is sent shows, and the kernel's buffer takes it at once.
  link.sends_at_mbits = 2000;
  const auto needed = [&] { return need_bps(link.current(), {8, 197, 192}, 133.6) / 1e6; };
  for (int i = 0; i < 50; ++i) link.at_least(needed());
  CHECK(link.current() == raw16);
  for (int i = 0; i < 50; ++i) link.at_least(needed());
  CHECK(link.current() == raw32);
  const auto count = link.controller().decision_count();
  for (int i = 0; i < 500; ++i) link.at_least(needed());
  CHECK(link.controller().decision_count() == count);
}

TEST_CASE(
    "small frames on a link that only bounds them: faster ones, or long enough, are a change") {
  constexpr TensorShape small{8, 197, 192};  // as above
  const auto start = [&](double sends_at_mbits) {
    ByHand link(ring_options(133.6));
    link.seen().next = small;
    link.frame_s = 0.06;
    for (int i = 0; i < 80; ++i) link.measured(55);
    // An empty link's kernel takes more of a frame at once than a full one's.
    link.sends_at_mbits = sends_at_mbits;
    for (int i = 0; i < 100; ++i) link.at_least(40);
    CHECK(link.current() == ptq(8));  // raw16 needs 80.9, and was left at 55
    return link;
  };
  const auto tried_after = [](ByHand& link) {
    int calls = 0;
    while (link.at_least(40) == ptq(8) && calls < 20000) ++calls;
    return calls;
  };

  ByHand faster = start(75);
  faster.sends_at_mbits = 300;
  CHECK(tried_after(faster) <= 50);

  ByHand same = start(2000);
  CHECK(tried_after(same) == doctest::Approx(300 / 0.06 - 100).epsilon(0.02));
  CHECK(same.current() == raw16);
  // It fails: twice as long.
  while (same.measured(55) != ptq(8)) {
  }
  CHECK(tried_after(same) == doctest::Approx(600 / 0.06).epsilon(0.02));
}

TEST_CASE("a climb is looked at after half a window, not only when it falls short") {
  ByHand link(ring_options());
  settle(link, 200);
  REQUIRE(link.current() == ptq(8));
  while (link.measured(275) == ptq(8)) {
  }
  REQUIRE(link.current() == raw16);
  int after = 0;
  while (link.measured(250) == raw16 && after < 100) ++after;  // 3 % to spare
  CHECK(after <= 26);
  CHECK(link.current() == ptq(8));
}

TEST_CASE("patience grows with every climb that fails") {
  auto options = ring_options();
  ByHand link(options);
  settle(link, 80);
  REQUIRE(link.current() == ptq(4));
  // A link that is fine for long enough to climb and then is not.
  std::vector<int> waits;
  for (int climb = 0; climb < 4; ++climb) {
    int waited = 0;
    while (link.measured(200) == ptq(4) && waited < 1000) ++waited;
    waits.push_back(waited);
    while (link.measured(80) != ptq(4)) {
    }
  }
  CHECK(waits[0] <= 51);
  CHECK(waits[1] > waits[0] + 40);
  CHECK(waits[2] > waits[1] + 80);
  CHECK(waits[3] > waits[2] + 160);
}

TEST_CASE("a receiver that is behind never costs a bit") {
  ByHand link(ring_options());
  link.sends_at_mbits = 2000;
  for (int i = 0; i < 1000; ++i) {
    link.frame_s = 3.2;  // a fifth of the target rate, and nearly all of it waiting for credit
    link.seen().credit_wait_s += 3.0;
    CHECK(link.at_least(100) == raw32);
  }
  CHECK(link.controller().decisions().empty());
}

TEST_CASE("the meter reports enough capacity, but frames take too long") {
  ByHand link(ring_options());
  link.sends_at_mbits = 150;  // really
  int frames = 0;
  while (link.measured(600) == raw32 && frames < 200) ++frames;
  CHECK(frames < 50);
  CHECK(link.current() == ptq(8));
  CHECK(contains(last(link).cause, "raw32 is too slow in sending, 31"));
  // And not again while the measurement stays the same.
  for (int i = 0; i < 2000; ++i) link.measured(600);
  CHECK(link.current() == ptq(8));
  CHECK(link.controller().decision_count() == 1);
  // Until it is clearly higher, and true.
  link.sends_at_mbits = 0;
  settle(link, 1000);
  CHECK(link.current() == raw32);
}

TEST_CASE("the meter reports too little capacity, but frames are fast enough") {
  ByHand link(ring_options());
  link.sends_at_mbits = 1000;  // really
  for (int i = 0; i < 400; ++i) link.measured(100);
  CHECK(link.current() == raw32);
  const auto count = link.controller().decision_count();
  for (int i = 0; i < 1000; ++i) link.measured(100);
  CHECK(link.controller().decision_count() == count);
  // What the frames deny is not believed any longer.
  link.sends_at_mbits = 100;
  for (int i = 0; i < 15; ++i) link.measured(100);
  CHECK(link.current() == ptq(5));
}

TEST_CASE("another target, or other shapes, are another need") {
  ByHand link(ring_options(0));
  link.seen().needed_rate = 100;
  settle(link, 300);
  REQUIRE(link.current() == raw16);
  link.seen().needed_rate = 300;
  link.measured(300);
  link.measured(300);
  CHECK(link.current() == ptq(5));  // 3 * 75.7 and 15 %
  link.seen().needed_rate = 100;
  settle(link, 300);
  CHECK(link.current() == raw16);
  // The last micro-batch of a source is a small one.
  link.seen().next.images = 3;
  CHECK(link.measured(300) == raw16);
}

}  // namespace
}  // namespace quantring
