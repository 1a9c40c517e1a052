// Integers in untrusted JSON, and its readers.

#include <doctest/doctest.h>

#include "engine/image/preprocess_json.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

using namespace quantring;
using nlohmann::json;

TEST_CASE("whole numbers that fit, and nothing else") {
  CHECK(whole_number(json(0)) == 0);
  CHECK(whole_number(json(2147483647)) == 2147483647);
  for (const char* text : {"2147483648", "4294967297", "18446744073709551615", "-1", "2e56", "1.5",
                           "2.0", "true", "null", "\"7\"", "[7]", "{}"}) {
    CAPTURE(text);
    CHECK_FALSE(whole_number(try_parse_json(text)).has_value());
  }
}

TEST_CASE("a preprocessing with a number that does not fit is refused") {
  PreprocessConfig config;
  config.mean = config.std = {0.5f, 0.5f, 0.5f};
  const auto sound = try_parse_json(preprocess_to_json(config));
  CHECK(preprocess_from_json(json_text(sound)) == config);
  for (const char* text : {"2e56", "4294967520", "-7"}) {
    for (const char* key : {"shorter", "channels"}) {
      auto wrong = sound;
      wrong[key] = try_parse_json(text);
      CHECK_THROWS_AS(preprocess_from_json(json_text(wrong)), Error);
    }
    auto wrong = sound;
    wrong["crop"][1] = try_parse_json(text);
    CHECK_THROWS_AS(preprocess_from_json(json_text(wrong)), Error);
  }
}
