// The demo model of the repository against PyTorch's logits for the first test images.

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "engine/model/safetensors.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/paths.h"
#include "tests/support/process.h"

using namespace quantring;

TEST_CASE("the demo model's logits equal PyTorch's") {
  const std::string images = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(images)) {
    std::printf("SKIPPED: %s is missing (Debian's package dataset-fashion-mnist)\n",
                images.c_str());
    return;
  }
  const std::string models = quantring::test::source_path("models/");
  const test::TemporaryFolder folder;
  const auto outcome = test::run(
      {test::program, "classify", images, "--model", models + "fashion_mnist_vit.safetensors",
       "--stages", "2", "--limit", "64", "--quiet", "--logits", folder / "logits.safetensors"});
  CAPTURE(outcome.err);
  REQUIRE(outcome.status == 0);
  const SafetensorsFile actual(folder / "logits.safetensors"),
      expected(models + "fashion_mnist_golden64.safetensors");
  const auto ours = actual.read("logits"), theirs = expected.read("logits");
  REQUIRE(ours.size() == 64 * 10 * 4);
  REQUIRE(ours.size() == theirs.size());
  double largest = 0, spread = 0;
  for (std::size_t i = 0; i < ours.size(); i += 4) {
    float a = 0, b = 0;
    std::memcpy(&a, ours.data() + i, 4);
    std::memcpy(&b, theirs.data() + i, 4);
    REQUIRE(std::isfinite(a));
    largest = std::max(largest, std::fabs(double{a} - b));
    spread = std::max(spread, std::fabs(double{b}));
  }
  MESSAGE("largest difference of a logit " << largest << ", largest logit " << spread);
  CHECK(spread > 1);  // the golden values vary
  CHECK(largest < 1e-4);
}
