// What any policy shares: names, options that make no sense, numbers that make no sense.
#include <cmath>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "controller_support.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

std::string refusal(const ControllerOptions& options) {
  try {
    const Controller controller(options);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("policies have names") {
  for (const Policy policy : {Policy::fixed, Policy::quantpipe, Policy::ladder})
    CHECK(parse_policy(policy_name(policy)) == policy);
  CHECK(policy_name(Policy::ladder) == "ladder");
  CHECK(policy_name(Policy::quantpipe) == "quantpipe");
  // Of 0.1: in flags and ring files.
  CHECK(parse_policy("ring") == Policy::ladder);
  CHECK(parse_policy("paper") == Policy::quantpipe);
  CHECK_THROWS_WITH_AS(parse_policy("rungs"),
                       "policy 'rungs' is not known: fixed, quantpipe and ladder are", Error);
}

TEST_CASE("options that make no sense are refused by name") {
  CHECK(refusal({}) == "accepted");  // fixed, raw32
  CHECK(refusal(ring_options()) == "accepted");

  auto options = ring_options();
  options.ladder.clear();
  CHECK(contains(refusal(options), "the ladder is empty"));

  options = ring_options();
  options.ladder = {{ptq(8), 99.2}, {ptq(4), 81.4}};
  options.floor = 99.3;
  CHECK(contains(refusal(options),
                 "floor of 99.3 % is above every point of the ladder: the best is "
                 "ptq 8 with 99.2 %"));
  options.floor = 99.2;
  CHECK(refusal(options) == "accepted");
  for (const double floor : {-1.0, 101.0, std::nan("")}) {
    options.floor = floor;
    CHECK(contains(refusal(options), "floor"));
  }

  options = ring_options();
  options.ladder = {{ptq(4), 81.4}, {ptq(8), 99.2}};
  CHECK(contains(refusal(options), "ptq 8 is neither coarser nor smaller than ptq 4"));
  options.ladder = {{ptq(8), 99.2}, {ds_aciq(8), 90}};  // worse, but not smaller
  CHECK(contains(refusal(options), "ds-aciq 8"));
  options.ladder = {{ptq(8), 120}};
  CHECK(contains(refusal(options), "percentage"));
  options.ladder = {{spec(CodecId::ptq, 9), 90}};
  CHECK(contains(refusal(options), "a point of the ladder"));
  options.ladder = {{spec(CodecId::pixels, 8), 90}};
  CHECK(contains(refusal(options), "a point of the ladder"));

  for (const Policy policy : {Policy::fixed, Policy::quantpipe, Policy::ladder}) {
    options = ring_options();
    options.policy = policy;
    options.start = spec(CodecId::ptq, 9);
    CHECK(contains(refusal(options), "the start"));
    options.start = ptq(8);
    for (const int window : {-1, 0, 1, 1000000}) {
      options.window = window;
      CHECK(contains(refusal(options), "window"));
    }
    options.window = 2;
    for (const double rate : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
      options.target_rate = rate;
      CHECK(contains(refusal(options), "images/s"));
    }
    options.target_rate = 0;
    CHECK(refusal(options) == "accepted");
  }

  ControllerOptions paper;
  paper.policy = Policy::quantpipe;
  paper.start = raw32;
  CHECK(contains(refusal(paper), "raw32 has only one"));
}

TEST_CASE("fixed is fixed, whatever happens") {
  ControllerOptions options;
  options.start = ptq(6);
  options.target_rate = 100;
  ByHand link(options);
  for (int i = 0; i < 200; ++i) CHECK(link.measured(i % 2 == 0 ? 1 : 10000) == ptq(6));
  CHECK(link.controller().decisions().empty());
}

TEST_CASE("numbers that make no sense are not known, and harm nothing") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (const Policy policy : {Policy::quantpipe, Policy::ladder}) {
    for (const double wrong : {nan, infinity, -infinity, -1.0, 0.0}) {
      CAPTURE(policy_name(policy));
      CAPTURE(wrong);
      auto options = ring_options(0);
      options.policy = policy;
      options.start = ptq(8);
      Controller controller(options);
      LinkObservation seen;
      seen.next = vit_base;
      for (int i = 0; i < 300; ++i) {
        seen.frames = static_cast<std::uint64_t>(i);
        seen.images = seen.frames * 64;
        // Every field is wrong now and then, each in its own turn, and right in between.
        seen.time_s = i % 3 == 0 ? wrong : 0.64 * i;
        seen.sending_s = i % 5 == 0 ? wrong : 0.05 * i;
        seen.credit_wait_s = i % 7 == 0 ? wrong : 0.0;
        seen.capacity = i % 2 == 0 ? Capacity::measured : Capacity::at_least;
        seen.capacity_bps = wrong;
        seen.needed_rate = i % 4 == 0 ? wrong : 100;
        CHECK(controller.choose(seen) == ptq(8));
      }
      CHECK(controller.decision_count() == 0);
    }
  }
}

TEST_CASE("a tensor without elements, or of a forged size, changes nothing") {
  for (const Policy policy : {Policy::quantpipe, Policy::ladder}) {
    auto options = ring_options();
    options.policy = policy;
    options.start = ptq(8);
    const std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
    for (const TensorShape shape :
         {TensorShape{}, TensorShape{1, 0, 4}, TensorShape{most, most, most}}) {
      ByHand link(options);
      link.seen().next = vit_base;
      Controller controller(options);
      LinkObservation seen;
      seen.next = shape;
      seen.capacity = Capacity::measured;
      seen.capacity_bps = 1;
      for (int i = 0; i < 120; ++i) CHECK(controller.choose(seen) == ptq(8));
    }
  }
}

TEST_CASE("the decisions kept are bounded, the count is not") {
  ControllerOptions options;
  options.policy = Policy::quantpipe;
  options.start = ptq(8);
  options.target_rate = 100;
  options.window = 2;
  ByHand link(options);
  for (int i = 0; i < 1000; ++i) link.measured(i / 2 % 2 == 0 ? 1 : 10000);
  CHECK(link.controller().decisions().size() == 64);
  CHECK(link.controller().decision_count() > 400);
  CHECK(link.controller().decisions().back().frame > link.controller().decisions().front().frame);
  CHECK(link.controller().decisions().back().frame >= 996);
}

}  // namespace
}  // namespace quantring
