#include <doctest/doctest.h>

#include <functional>

#include "net/wire/address.h"
#include "net/wire/control.h"
#include "ops/base/error.h"
#include "tests/support/texts.h"

namespace quantring::net {
namespace {

using test::contains;
using test::error_of;

// `text` with its first `from` replaced; the test fails when there is none.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE_MESSAGE(at != std::string::npos, from);
  return text.replace(at, from.size(), to);
}

std::string quoted(const char* text) {
  return '"' + std::string(text) + '"';
}

Hello some_hello() {
  Hello hello;
  hello.version = "1.2.3";
  hello.session = 0xFEDCBA9876543210;
  hello.role = Role::stage;
  hello.stage = 5;
  return hello;
}

Plan some_plan() {
  Plan plan;
  plan.session = 7;
  plan.epoch = 4;
  plan.stage = 1;
  plan.stages = {{"10.0.0.1:7710", R"({"blocks":[0,4]})"},
                 {"[fe80::1]:7710", "two\nlines, ü, \x01"}};
  plan.return_address = "laptop.local:40000";
  plan.link_bits_per_second = 50'000'000'000;
  plan.credits = 4;
  return plan;
}

TEST_CASE("hello: write and read") {
  const Hello in = some_hello();
  const Hello out = parse_hello(hello_json(in));
  CHECK(out.version == in.version);
  CHECK(out.session == in.session);
  CHECK(out.role == in.role);
  CHECK(out.stage == in.stage);
}

TEST_CASE("hello: every field missing or wrong is named") {
  const std::string good = hello_json(some_hello());
  for (const char* key : {"version", "session", "role", "stage"}) {
    const std::string bad = with(good, quoted(key), "\"other\"");
    CHECK(contains(error_of([&] { parse_hello(bad); }), key));
  }
  const auto refused = [&](const char* from, const char* to, const char* text) {
    CHECK(contains(error_of([&] { parse_hello(with(good, from, to)); }), text));
  };
  refused("\"1.2.3\"", "4", "'version' is not a text");
  refused("1.2.3", std::string(65, '1').c_str(), "'version' is too long");
  refused("fedcba9876543210", "fedcba987654321", "16 hexadecimal digits");
  refused("fedcba9876543210", "fedcba987654321x", "16 hexadecimal digits");
  refused("fedcba9876543210", "-edcba9876543210", "16 hexadecimal digits");
  refused("\"role\":\"stage\"", "\"role\":\"king\"", "'role' is none of");
  refused("\"stage\":5", "\"stage\":64", "not within 0 to 63");
  refused("\"stage\":5", "\"stage\":-1", "not a whole number");
  refused("\"stage\":5", "\"stage\":1.5", "not a whole number");
  for (const char* text : {"", "{", "[]", "7", "null", "{}", "\"hello\"", "\xff\xfe"}) {
    CAPTURE(text);
    CHECK(error_of([&] { parse_hello(text); }) != "no error");
  }
}

TEST_CASE("plan: write and read") {
  const Plan in = some_plan();
  const Plan out = parse_plan(plan_json(in));
  CHECK(out.session == in.session);
  CHECK(out.epoch == in.epoch);
  CHECK(out.stage == in.stage);
  REQUIRE(out.stages.size() == 2);
  CHECK(out.stages[0].address == in.stages[0].address);
  CHECK(out.stages[0].work == in.stages[0].work);
  CHECK(out.stages[1].work == in.stages[1].work);
  CHECK(out.return_address == in.return_address);
  CHECK(out.link_bits_per_second == in.link_bits_per_second);
  CHECK(out.credits == in.credits);
}

TEST_CASE("plan: every field missing or wrong is named") {
  const std::string good = plan_json(some_plan());
  for (const char* key : {"session", "epoch", "stages", "return", "link_bits_per_second", "credits",
                          "address", "work"}) {
    const std::string bad = with(good, quoted(key), "\"other\"");
    CHECK(contains(error_of([&] { parse_plan(bad); }), key));
  }
  const auto refused = [&](const char* from, const char* to, const char* text) {
    CHECK(contains(error_of([&] { parse_plan(with(good, from, to)); }), text));
  };
  refused("\"stage\":1", "\"stage\":2", "not within 0 to 1");
  refused("\"credits\":4", "\"credits\":0", "not within 1 to 1024");
  refused("\"credits\":4", "\"credits\":1025", "not within 1 to 1024");
  refused("\"epoch\":4", "\"epoch\":4294967296", "'epoch'");
  refused("10.0.0.1:7710", "10.0.0.1", "write HOST:PORT");
  refused("laptop.local:40000", "laptop.local:70000", "write HOST:PORT");
  Plan long_plan = some_plan();
  long_plan.stages.resize(65, {"a:1", ""});
  CHECK(contains(error_of([&] { parse_plan(plan_json(long_plan)); }), "at most 64"));
  long_plan.stages.clear();
  CHECK(contains(error_of([&] { parse_plan(plan_json(long_plan)); }), "'stages' is empty"));
  CHECK(error_of([] { parse_plan(std::string(900000, '[')); }) == "plan: not JSON");
}

TEST_CASE("bye and statistics: write and read, also bytes that are not UTF-8") {
  StageStats in;
  in.stage = 2;
  in.address = "10.0.0.3:7710";
  in.version = "9";
  in.input = {1, 2, 4, 5, 0.5, 0.25, Capacity::at_least, 2.5e8, 0.125};
  in.output = {11, 12, 14, 15, 1.5, 2.25, Capacity::measured, 4.75e7, 0.75};
  in.images = 100;
  in.compute_s = 1.25;
  in.wait_input_s = 2.5;
  in.wait_output_s = 3.75;
  in.app_json = R"({"rss":1234})";
  const auto list = parse_bye(bye_json({in, StageStats{}}));
  REQUIRE(list.size() == 2);
  const StageStats& out = list[0];
  CHECK(stage_stats_json(out) == stage_stats_json(in));
  CHECK(out.output.sending_s == 1.5);
  CHECK(out.output.credit_wait_s == 2.25);
  CHECK(out.input.capacity == Capacity::at_least);
  CHECK(out.input.capacity_bps == 2.5e8);
  CHECK(out.output.capacity == Capacity::measured);
  CHECK(out.output.capacity_bps == 4.75e7);
  CHECK(out.input.rtt_s == 0.125);
  CHECK(out.output.rtt_s == 0.75);
  CHECK(out.output.wire_bytes == 15);
  CHECK(out.app_json == in.app_json);
  CHECK(parse_bye(bye_json({})).empty());

  in.app_json = "\xff";
  CHECK(parse_stage_stats(stage_stats_json(in)).app_json == "\xef\xbf\xbd");
  for (const char* text : {"", "{}", R"({"stages":[1]})", R"({"stages":["x"]})"}) {
    CHECK(error_of([&] { parse_bye(text); }) != "no error");
  }
}

TEST_CASE("statistics: an invalid capacity or round trip is refused") {
  const std::string good = stage_stats_json(StageStats{});
  CHECK(parse_stage_stats(good).output.capacity == Capacity::unknown);
  const auto refused = [&](const char* from, const char* to, const char* text) {
    CAPTURE(to);
    CHECK(contains(error_of([&] { parse_stage_stats(with(good, from, to)); }), text));
  };
  refused("\"capacity\":0", "\"capacity\":3", "'capacity' is 3: not within 0 to 2");
  refused("\"capacity\":0", "\"capacity\":-1", "'capacity' is not a whole number");
  refused("\"capacity\":0,", "", "'capacity' is missing");
  refused("\"capacity_bps\":0.0", "\"capacity_bps\":-1.0", "'capacity_bps' is below 0");
  refused("\"capacity_bps\":0.0", "\"capacity_bps\":null", "'capacity_bps' is not a number");
  refused("\"capacity_bps\":0.0", "\"capacity_bps\":1e999", "not JSON");
  refused("\"rtt_s\":0.0", "\"rtt_s\":-0.5", "'rtt_s' is below 0");
  refused("\"rtt_s\":0.0", "\"rtt\":0.0", "'rtt_s' is missing");
}

TEST_CASE("addresses") {
  CHECK(parse_address("10.0.0.1:7710") == Address{"10.0.0.1", 7710});
  CHECK(parse_address("jetson-1.local:1") == Address{"jetson-1.local", 1});
  CHECK(parse_address("[fe80::1%eth0]:7710") == Address{"fe80::1%eth0", 7710});
  CHECK(address_text({"10.0.0.1", 7710}) == "10.0.0.1:7710");
  CHECK(address_text({"::1", 7710}) == "[::1]:7710");
  for (const char* text : {"", ":", "host", "host:", ":7710", "host:65536", "host:-1", "host:1x",
                           "fe80::1:7710", "a b:1", "a\n:1", "[]:1", "h:1 "}) {
    CAPTURE(text);
    CHECK(contains(error_of([&] { parse_address(text); }), "write HOST:PORT"));
  }
  CHECK(error_of([] { parse_address(std::string(300, 'a') + ":1"); }) != "no error");
  for (const char* text : {"8081", ":8081", "127.0.0.1:8081"}) {
    CHECK(parse_listen_address(text, "127.0.0.1") == Address{"127.0.0.1", 8081});
  }
  CHECK(parse_listen_address("10.0.0.1:0", "0.0.0.0") == Address{"10.0.0.1", 0});
  for (const char* text : {"", ":", "host", "65536", ":x", "8081:", "::8081", " 8081"}) {
    CAPTURE(text);
    CHECK(contains(error_of([&] { parse_listen_address(text, "0.0.0.0"); }), "write HOST:PORT"));
  }
}

}  // namespace
}  // namespace quantring::net
