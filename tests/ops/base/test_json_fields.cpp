// Readers of JSON from outside: strict ones, which name the field in errors, and tolerant ones.

#include "ops/base/json_fields.h"

#include <doctest/doctest.h>

#include "engine/image/preprocess_json.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "tests/support/texts.h"

using namespace quantring;
using nlohmann::json;
using test::error_of;
using test::no_error;

namespace {

// What is not a whole number from 0 to 2^31 - 1.
constexpr const char* not_whole[] = {"2147483648", "4294967297", "18446744073709551615",
                                     "-1",         "2e56",       "1.5",
                                     "2.0",        "true",       "null",
                                     "\"7\"",      "[7]",        "{}"};

json object_with(const char* key, const std::string& value) {
  return try_parse_json(std::string("{\"") + key + "\":" + value + "}");
}

}  // namespace

TEST_CASE("whole numbers that fit an int") {
  CHECK(whole_number(json(0)) == 0);
  CHECK(whole_number(json(2147483647)) == 2147483647);
  for (const char* text : not_whole) {
    CAPTURE(text);
    CHECK_FALSE(whole_number(try_parse_json(text)).has_value());
    CHECK(error_of([&] { read_int(object_with("n", text), "n"); }) ==
          "field 'n' is not a whole number in bounds");
    CHECK(error_of([&] {
            read_int_pair(object_with("n", std::string("[1,") + text + "]"), "n");
          }) == "field 'n' is not a list of two whole numbers in bounds");
    CHECK(whole_field(object_with("n", text), "n") == 0);
  }
  CHECK(read_int(object_with("n", "7"), "n") == 7);
  CHECK(read_int_pair(object_with("n", "[7, 8]"), "n") == std::pair(7, 8));
  for (const char* text : {"7", "[7]", "[7, 8, 9]", "{\"0\": 7, \"1\": 8}"}) {
    CHECK(error_of([&] { read_int_pair(object_with("n", text), "n"); }) != no_error);
  }
  CHECK(whole_field(object_with("n", "7"), "n") == 7);
}

TEST_CASE("strict readers name a field that is missing or of another type") {
  const json empty = json::object();
  CHECK(error_of([&] { read_field(empty, "key"); }) == "field 'key' is missing");
  CHECK(error_of([&] { read_field(json(3), "key"); }) == "expected an object with 'key'");
  CHECK(read_uint(object_with("n", "5"), "n", 5, 5) == 5);
  CHECK(error_of([&] { read_uint(object_with("n", "6"), "n", 5); }) ==
        "field 'n' is 6: not within 0 to 5");
  CHECK(error_of([&] { read_uint(object_with("n", "-6"), "n"); }) ==
        "field 'n' is not a whole number from 0 up");
  CHECK(read_bool(object_with("b", "true"), "b"));
  CHECK(error_of([&] { read_bool(object_with("b", "1"), "b"); }) ==
        "field 'b' is not true or false");
  CHECK(read_string(object_with("s", "\"x\""), "s") == "x");
  CHECK(error_of([&] { read_string(object_with("s", "1"), "s"); }) == "field 's' is not a text");
  CHECK(error_of([&] { read_number(object_with("x", "\"1\""), "x"); }) ==
        "field 'x' is not a number");
  CHECK(read_array(object_with("a", "[1, 2]"), "a", 2).size() == 2);
  CHECK(error_of([&] { read_array(object_with("a", "[1, 2]"), "a", 1); }) ==
        "field 'a' is not a list of at most 1");
  CHECK(error_of([&] { read_object(object_with("o", "[]"), "o"); }) ==
        "field 'o' is not an object");
}

TEST_CASE("floats written as text") {
  CHECK(float_from_text("1e-06", "x") == 1e-6f);
  for (const json& wrong : {json("tiny"), json(""), json("1x"), json(" 1"), json("nan"),
                            json("inf"), json("1e99"), json(1.5)}) {
    CHECK(error_of([&] { float_from_text(wrong, "x"); }) ==
          "field 'x' is not a number written as text");
  }
}

TEST_CASE("tolerant readers give 0, false or an empty text for anything else") {
  const json fields = try_parse_json(R"({"x": 1.5, "n": 7, "b": true, "s": "a\nb"})");
  CHECK(number_field(fields, "x") == 1.5);
  CHECK(count_field(fields, "n") == 7);
  CHECK(flag_field(fields, "b"));
  CHECK(text_field(fields, "s") == "a b");
  CHECK(text_field(json{{"s", std::string(300, 'x')}}, "s").size() == max_field_text);
  for (const char* key : {"absent", "s"}) {
    CHECK(number_field(fields, key) == 0);
    CHECK(count_field(fields, key) == 0);
    CHECK_FALSE(flag_field(fields, key));
  }
  CHECK(count_field(object_with("n", "-1"), "n") == 0);
  CHECK(text_field(fields, "x").empty());
  CHECK(number_field(json::array(), "x") == 0);
}

TEST_CASE("a preprocessing with a number out of bounds is an error") {
  PreprocessConfig config;
  config.mean = config.std = {0.5f, 0.5f, 0.5f};
  const auto valid = try_parse_json(preprocess_to_json(config));
  CHECK(preprocess_from_json(json_text(valid)) == config);
  for (const char* text : {"2e56", "4294967520", "-7"}) {
    for (const char* key : {"shorter", "channels"}) {
      auto wrong = valid;
      wrong[key] = try_parse_json(text);
      CHECK_THROWS_AS(preprocess_from_json(json_text(wrong)), Error);
    }
    auto wrong = valid;
    wrong["crop"][1] = try_parse_json(text);
    CHECK_THROWS_AS(preprocess_from_json(json_text(wrong)), Error);
  }
}
