// Resampled position embeddings against torch's (make_position_fixture.py).
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include "tests/support/paths.h"
#include "weights_tools/recipe/position.h"

namespace quantring::weights {
namespace {

TEST_CASE(
    "equal to torch.nn.functional.interpolate, bicubic, in the three ways that frameworks use it") {
  std::ifstream file(quantring::test::source_path("tests/weights/fixtures/config/position.txt"));
  const std::map<std::string, Resampling> kinds = {{"antialiased", Resampling::antialiased},
                                                   {"plain", Resampling::plain},
                                                   {"dinov2", Resampling::dinov2}};
  int cases = 0;
  Grid from, to;
  std::string how;
  for (int dim = 0; file >> from.height >> from.width >> to.height >> to.width >> dim >> how;
       ++cases) {
    CAPTURE(cases);
    std::vector<float> values;
    std::uint32_t state = 12345;
    for (int i = 0; i < from.height * from.width * dim; ++i) {
      state = state * 1664525 + 1013904223;
      values.push_back(static_cast<float>((state >> 8) / 8388608.0 - 1));
    }
    const auto out = resample_position(values, {from, to, kinds.at(how)}, dim);
    REQUIRE(out.size() == static_cast<std::size_t>(to.height * to.width * dim));
    double difference = 0, norm = 0;
    for (const float value : out) {
      double expected = 0;
      file >> expected;
      REQUIRE(file.good());
      difference += (value - expected) * (value - expected);
      norm += expected * expected;
    }
    CHECK(std::sqrt(difference / norm) < 1e-6);
  }
  CHECK(cases == 32);
}

TEST_CASE("a grid that does not fit the values is a logic error") {
  CHECK_THROWS_AS(resample_position({1, 2, 3}, {{2, 2}, {1, 1}}, 1), std::logic_error);
  CHECK_THROWS_AS(resample_position({}, {{0, 2}, {1, 1}}, 1), std::logic_error);
  CHECK_THROWS_AS(resample_position({1}, {{1, 1}, {0, 1}}, 1), std::logic_error);
}

}  // namespace
}  // namespace quantring::weights
