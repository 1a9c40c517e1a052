// The policy ladder at its limits: the accuracy floor, the coarsest point, where it starts.
#include <doctest/doctest.h>

#include "controller_support.h"

namespace quantring {
namespace {

TEST_CASE("the accuracy floor takes precedence over the rate, and that is reported once") {
  auto options = ring_options(60);
  options.floor = 81;  // ptq 4
  ByHand link(options);
  settle(link, 1000);
  for (int i = 0; i < 300; ++i) link.measured(12.3);
  CHECK(link.current() == ptq(4));
  CHECK(link.controller().decision_count() == 1);
  CHECK(last(link).short_of_target);
  CHECK(last(link).cause == "12.3 Mbit/s carry 20.3 of 60 images/s at ptq 4, the accuracy floor");

  for (int i = 0; i < 20; ++i) link.measured(39);
  CHECK(link.controller().decision_count() == 2);
  CHECK(!last(link).short_of_target);
  CHECK(last(link).from == ptq(4));
  CHECK(last(link).to == ptq(4));
  CHECK(last(link).cause == "60 images/s at ptq 4 again");

  // News of a shortage at the point where it is already.
  for (int i = 0; i < 20; ++i) link.measured(20);
  CHECK(link.controller().decision_count() == 3);
  CHECK(last(link).short_of_target);
  CHECK(last(link).to == ptq(4));
}

TEST_CASE("short of the target at the coarsest point, without a floor") {
  ByHand link(ring_options());
  for (int i = 0; i < 300; ++i) link.measured(3);
  CHECK(link.current() == ds_aciq(2));
  CHECK(last(link).short_of_target);
  CHECK(last(link).cause == "3 Mbit/s carry 9.91 of 100 images/s at ds-aciq 2, the coarsest point");
  settle(link, 300);
  CHECK(!last(link).short_of_target);
  CHECK(link.current() == raw16);
}

TEST_CASE("never below the floor, whatever is said") {
  auto options = ring_options();
  options.floor = 96.4;
  for (const CodecSpec start : {raw32, ptq(6), ds_aciq(2), spec(CodecId::aciq, 4)}) {
    options.start = start;
    ByHand link(options);
    for (int i = 0; i < 500; ++i) {
      const CodecSpec codec = link.measured(i % 120 < 60 ? 0.01 : 500);
      CHECK((codec == raw32 || codec == raw16 || codec == ptq(8) || codec == ptq(7) ||
             codec == ptq(6)));
    }
  }
}

TEST_CASE("a start that the ladder does not have becomes the finest point that is no larger") {
  auto options = ring_options();
  options.ladder.erase(options.ladder.begin());
  CHECK(Controller(options).current() == raw16);
  options.start = spec(CodecId::aciq, 5);
  CHECK(Controller(options).current() == ptq(5));
  options.start = ds_aciq(2);
  CHECK(Controller(options).current() == ds_aciq(2));
}

}  // namespace
}  // namespace quantring
