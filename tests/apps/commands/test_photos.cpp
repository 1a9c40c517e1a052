// End to end: convert DeiT-Tiny, classify 500 photos through a ring of three processes.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/labels/class_names.h"
#include "engine/model/safetensors.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

using namespace quantring;

namespace {

// [images, 1000]
std::vector<float> logits_of(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const auto data = file.read("logits");
  std::vector<float> values(data.size() / 4);
  std::memcpy(values.data(), data.data(), data.size());
  return values;
}

std::size_t best(const std::vector<float>& logits, std::size_t image) {
  const auto* row = logits.data() + image * 1000;
  return static_cast<std::size_t>(std::max_element(row, row + 1000) - row);
}

}  // namespace

TEST_CASE("DeiT-Tiny on 500 photos, from the JPEG files") {
  const auto checkpoint = test::golden("models/deit_tiny_patch16_224.safetensors");
  const auto photos = test::golden("images/imagenet500");
  const auto labels = test::golden("images/imagenet500.csv");
  const auto golden = test::golden("golden/deit_tiny_logits500.safetensors");
  if (!checkpoint || !photos || !labels || !golden) return;
  const test::TemporaryFolder folder;
  const std::string model = folder / "deit.safetensors";
  const auto converted =
      test::run({quantring::test::built_path("quantring-weights"), "convert", *checkpoint, "-o",
                 model, "--heads", "3", "--resize", "256", "--interpolation", "bicubic", "--mean",
                 "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"});
  CAPTURE(converted.err);
  REQUIRE(converted.status == 0);
  const auto outcome = test::run(
      {test::program, "classify", *photos, "--model", model, "--labels", *labels, "--stages", "3",
       "--codec", "raw32", "--quiet", "--logits", folder / "logits.safetensors"},
      600);
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);

  const auto actual = logits_of(folder / "logits.safetensors"), expected = logits_of(*golden);
  REQUIRE(actual.size() == expected.size());
  REQUIRE(actual.size() == 500 * 1000);
  // The golden logits stand in the order of the class index, which is that of the file names too.
  double farthest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i)
    farthest = std::max(farthest, std::abs(static_cast<double>(actual[i]) - expected[i]));
  MESSAGE("logits differ by at most " << farthest);
  CHECK(farthest < 1e-3);
  std::size_t agree = 0, right = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    agree += best(actual, i) == best(expected, i);
    right += best(actual, i) == 2 * i;
  }
  MESSAGE("top-1 " << 0.2 * static_cast<double>(right) << " %, the same as PyTorch's on " << agree
                   << " of 500");
  CHECK(agree == 500);
  CHECK(right >= 392);  // 79.0 % +- 0.6
  CHECK(right <= 398);
}
