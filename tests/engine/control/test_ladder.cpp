// Operating points ordered by how much they keep.
#include "engine/control/ladder.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ops/base/error.h"
#include "tests/support/temp_folder.h"

namespace quantring {
namespace {

OperatingPoint point(CodecId id, int bits, double agreement) {
  return {{id, static_cast<std::uint8_t>(bits)}, agreement};
}

std::string refusal(const std::string& text) {
  try {
    ladder_from_json(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string one(const std::string& entry) {
  return "{\"ladder\": [{\"codec\": \"raw16\", \"agreement\": 99.5}, " + entry + "]}";
}

TEST_CASE("a ladder falls in agreement and in bytes") {
  const Ladder ladder = make_ladder({
      point(CodecId::ptq, 4, 81),      // beaten by the aciq of the same size
      point(CodecId::aciq, 4, 82),     //
      point(CodecId::ptq, 8, 99),      //
      point(CodecId::ds_aciq, 7, 99),  // as good as ptq 8 and smaller
      point(CodecId::ptq, 6, 70),      // beaten by a smaller one
      point(CodecId::raw32, 32, 100),  //
      point(CodecId::ptq, 16, 99.9),   // no better than raw16
      point(CodecId::raw16, 16, 99.9),
      point(CodecId::ptq, 2, 0),
  });
  const Ladder expected = {point(CodecId::raw32, 32, 100), point(CodecId::raw16, 16, 99.9),
                           point(CodecId::ds_aciq, 7, 99), point(CodecId::aciq, 4, 82),
                           point(CodecId::ptq, 2, 0)};
  CHECK(ladder == expected);
  CHECK(make_ladder(ladder) == ladder);
  CHECK(make_ladder({}).empty());
}

TEST_CASE("of a width only the best stays") {
  const Ladder ladder = make_ladder(
      {point(CodecId::raw16, 16, 99), point(CodecId::ptq, 16, 99.5), point(CodecId::aciq, 16, 98)});
  CHECK(ladder == Ladder{point(CodecId::ptq, 16, 99.5)});
}

TEST_CASE("raw32 is exact: nothing beats it") {
  const Ladder ladder = make_ladder(
      {point(CodecId::raw16, 16, 100), point(CodecId::ptq, 8, 100), point(CodecId::raw32, 32, 99)});
  CHECK(ladder == Ladder{point(CodecId::raw32, 32, 100), point(CodecId::ptq, 8, 99.99)});
  CHECK(ladder_from_json(ladder_to_json(ladder)) == ladder);
}

TEST_CASE("the default ladder is one") {
  const Ladder& ladder = default_ladder();
  REQUIRE(ladder.size() > 3);
  CHECK(make_ladder(ladder) == ladder);
  CHECK(ladder.front() == point(CodecId::raw32, 32, 100));
  for (const OperatingPoint& entry : ladder) CHECK(codec_valid(entry.codec));
}

TEST_CASE("a ladder as JSON comes back, in any order") {
  const Ladder ladder = {point(CodecId::raw16, 16, 99.875), point(CodecId::ptq, 7, 97.25),
                         point(CodecId::ds_aciq, 2, 0.1)};
  CHECK(ladder_from_json(ladder_to_json(ladder)) == ladder);
  CHECK(ladder_from_json(R"({"ladder": [
      {"codec": "ds-aciq", "bits": 2, "agreement": 0.1},
      {"agreement": 97.25, "bits": 7, "codec": "ptq"},
      {"codec": "raw16", "agreement": 99.875}]})") == ladder);
}

TEST_CASE("a wrong entry is named") {
  CHECK(refusal(one(R"({"codec": "ptq", "bits": 8, "agreement": 99})")) == "accepted");
  CHECK(refusal(one("7")) == "ladder entry 2 is not an object");
  CHECK(refusal(one(R"({"bits": 8, "agreement": 9})")) == "ladder entry 2: \"codec\" is missing");
  CHECK(refusal(one(R"({"codec": 3, "bits": 8, "agreement": 9})")) ==
        "ladder entry 2: \"codec\" is not a name");
  CHECK(refusal(one(R"({"codec": "ptq", "bits": 9, "agreement": 9})"))
            .starts_with("ladder entry 2: codec ptq takes"));
  CHECK(refusal(one(R"({"codec": "ptq", "agreement": 9})")).starts_with("ladder entry 2: "));
  CHECK(refusal(one(R"({"codec": "best", "bits": 1, "agreement": 9})"))
            .starts_with("ladder entry 2: no codec is called \"best\""));
  CHECK(refusal(one(R"({"codec": "pixels", "bits": 8, "agreement": 9})"))
            .starts_with("ladder entry 2: no codec is called \"pixels\""));
  for (const char* bits : {"0", "-8", "\"8\"", "null"}) {
    CAPTURE(bits);
    CHECK(refusal(one(R"({"codec": "ptq", "agreement": 9, "bits": )" + std::string(bits) + "}"))
              .starts_with("ladder entry 2: \"bits\" is not"));
  }
  // No width; among them those that fields of 8 and 32 bits would wrap to 8.
  for (const char* bits : {"8.5", "264", "4294967304", "1e30"}) {
    CAPTURE(bits);
    CHECK(refusal(one(R"({"codec": "ptq", "agreement": 9, "bits": )" + std::string(bits) + "}"))
              .starts_with("ladder entry 2: codec ptq takes"));
  }
  for (const char* agreement : {"-0.1", "100.1", "\"9\"", "null", "[]", "1e308"}) {
    CAPTURE(agreement);
    CHECK(refusal(one(R"({"codec": "ptq", "bits": 8, "agreement": )" + std::string(agreement) +
                      "}")) == "ladder entry 2: \"agreement\" is not a percentage");
  }
  CHECK(refusal(one(R"({"codec": "ptq", "bits": 8})")) ==
        "ladder entry 2: \"agreement\" is missing");
  CHECK(refusal(one(R"({"codec": "ptq", "bits": 8, "agreement": 9, "image": 1})"))
            .starts_with("ladder entry 2: \"image\" is not known"));
  CHECK(refusal(one(R"({"codec": "raw16", "bits": 16, "agreement": 9})")) ==
        "ladder entry 2: raw16 is entry 1 already");
}

TEST_CASE("what is no ladder is refused") {
  CHECK(refusal("") == "not JSON: a ladder is a JSON file");
  CHECK(refusal("{\"ladder\": [") == "not JSON: a ladder is a JSON file");
  for (const char* text : {"[]", "7", "{}", R"({"ladder": {}})", R"({"ladder": []})"}) {
    CAPTURE(text);
    CHECK(refusal(text).starts_with("a ladder is {\"ladder\": ["));
  }
  CHECK(refusal(std::string(100000, ' ')) ==
        "a ladder has at most 65536 bytes of JSON, this one has more");
  std::string many = "{\"ladder\": [0";
  for (int i = 0; i < 256; ++i) many += ",0";
  CHECK(refusal(many + "]}") == "a ladder has at most 256 entries, not 257");
  CHECK(refusal(std::string(60000, '[')) == "not JSON: a ladder is a JSON file");
}

TEST_CASE("a ladder file") {
  const TempFolder folder;
  const Ladder ladder = {point(CodecId::ptq, 8, 99), point(CodecId::ptq, 2, 3)};
  CHECK(read_ladder(folder.write("ladder.json", ladder_to_json(ladder))) == ladder);

  const auto message = [](const std::string& path) -> std::string {
    try {
      read_ladder(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string wrong = folder.write("wrong.json", one("7"));
  CHECK(message(wrong) == "'" + wrong + "': ladder entry 2 is not an object");
  CHECK(message(folder / "none.json").find("none.json") != std::string::npos);
  // Not read whole to be refused.
  const std::string large = folder.write("large.json", std::string(1 << 20, ' '));
  CHECK(message(large).starts_with("'" + large + "': a ladder has at most 65536 bytes"));
}

}  // namespace
}  // namespace quantring
