// Recipes: layouts, blocks of rows, zeros, resampled grids, from a checkpoint in memory.
#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <tuple>

#include "weights_tools/recipe/recipe.h"

namespace quantring::weights {
namespace {

class FakeCheckpoint : public Checkpoint {
 public:
  void add(const std::string& name, std::vector<std::int64_t> shape, std::vector<float> values) {
    tensors_[name] = {"F32", std::move(shape)};
    values_[name] = std::move(values);
  }
  std::string format() const override { return "fake"; }
  std::vector<float> read(const std::string& name) const override {
    ++reads;
    return values_.at(name);
  }
  mutable int reads = 0;

 private:
  std::map<std::string, std::vector<float>> values_;
};

using Layout = Part::Layout;

Part part(const std::string& source, Layout layout, std::int64_t rows, std::int64_t columns,
          std::int64_t first_row = 0) {
  return {.source = source,
          .layout = layout,
          .rows = rows,
          .columns = columns,
          .first_row = first_row,
          .resample = {}};
}

TEST_CASE("rows as stored, from any row on, and zeros") {
  FakeCheckpoint checkpoint;
  checkpoint.add("a", {1, 3, 2}, {1, 2, 3, 4, 5, 6});
  CHECK(assemble({part("a", Layout::rows, 3, 2)}, checkpoint) ==
        std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(assemble({part("", Layout::rows, 1, 2), part("a", Layout::rows, 2, 2, 1),
                  part("", Layout::rows, 1, 2)},
                 checkpoint) == std::vector<float>{0, 0, 3, 4, 5, 6, 0, 0});
  CHECK(assemble({}, checkpoint).empty());
}

TEST_CASE("parts from several tensors; consecutive parts read a tensor once") {
  FakeCheckpoint checkpoint;
  checkpoint.add("q", {2, 2}, {1, 2, 3, 4});
  checkpoint.add("k", {1, 2}, {5, 6});
  CHECK(assemble({part("q", Layout::rows, 1, 2, 1), part("q", Layout::rows, 1, 2),
                  part("k", Layout::rows, 1, 2)},
                 checkpoint) == std::vector<float>{3, 4, 1, 2, 5, 6});
  CHECK(checkpoint.reads == 2);
}

TEST_CASE("some columns of each row") {
  FakeCheckpoint checkpoint;
  checkpoint.add("head", {3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  Part half = part("head", Layout::rows, 2, 2, 1);
  half.stored_columns = 4;
  CHECK(assemble({half}, checkpoint) == std::vector<float>{5, 6, 9, 10});
  half.first_column = 2;
  CHECK(assemble({half}, checkpoint) == std::vector<float>{7, 8, 11, 12});
  for (const auto& [columns, first, stored, layout] : {std::tuple{2, 3, 4, Layout::rows},
                                                       {5, 0, 4, Layout::rows},
                                                       {2, -1, 4, Layout::rows},
                                                       {2, 0, 5, Layout::rows},
                                                       {2, 1, 0, Layout::rows},
                                                       {2, 0, 4, Layout::transposed}}) {
    Part wrong = part("head", layout, 1, columns);
    wrong.first_column = first;
    wrong.stored_columns = stored;
    CHECK_THROWS_AS(assemble({wrong}, checkpoint), std::logic_error);
  }
}

TEST_CASE("Flax kernels: [in, out], [in, heads, d] and [heads, d, out]") {
  FakeCheckpoint checkpoint;
  checkpoint.add("kernel", {3, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  // in 3, out 4: row r of the result is column r of what is stored.
  CHECK(assemble({part("kernel", Layout::transposed, 4, 3)}, checkpoint) ==
        std::vector<float>{1, 5, 9, 2, 6, 10, 3, 7, 11, 4, 8, 12});
  CHECK(assemble({part("kernel", Layout::transposed, 1, 3, 2)}, checkpoint) ==
        std::vector<float>{3, 7, 11});
  // in 6, out 2
  CHECK(assemble({part("kernel", Layout::transposed, 2, 6)}, checkpoint) ==
        std::vector<float>{1, 3, 5, 7, 9, 11, 2, 4, 6, 8, 10, 12});
}

TEST_CASE("a Flax convolution [h, w, in, out] becomes [out, in, h, w]") {
  FakeCheckpoint checkpoint;
  const int h = 2, w = 3, in = 2, out = 2;
  std::vector<float> stored(h * w * in * out);
  std::vector<float> expected(stored.size());
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x)
      for (int i = 0; i < in; ++i)
        for (int o = 0; o < out; ++o) {
          const auto value = static_cast<float>(1000 * o + 100 * i + 10 * y + x);
          stored[((y * w + x) * in + i) * out + o] = value;
          expected[((o * in + i) * h + y) * w + x] = value;
        }
  checkpoint.add("conv", {h, w, in, out}, stored);
  CHECK(assemble({part("conv", Layout::hwio, out, in * h * w)}, checkpoint) == expected);
}

TEST_CASE("a grid of positions is resampled, but not the class token's row") {
  FakeCheckpoint checkpoint;
  checkpoint.add("pos", {1, 5, 2}, {-1, -2, 1, 10, 2, 20, 3, 30, 4, 40});
  Part grid = part("pos", Layout::rows, 9, 2, 1);
  grid.resample = GridResize{{2, 2}, {3, 3}};
  const auto out = assemble({part("pos", Layout::rows, 1, 2), grid}, checkpoint);
  REQUIRE(out.size() == 20);
  CHECK(out[0] == -1);
  CHECK(out[1] == -2);
  const auto expected = resample_position({1, 10, 2, 20, 3, 30, 4, 40}, {{2, 2}, {3, 3}}, 2);
  CHECK(std::vector<float>(out.begin() + 2, out.end()) == expected);
}

TEST_CASE("a recipe that does not fit its tensor is a logic error") {
  FakeCheckpoint checkpoint;
  checkpoint.add("a", {3, 2}, {1, 2, 3, 4, 5, 6});
  Part grid = part("a", Layout::rows, 4, 2);
  grid.resample = GridResize{{2, 2}, {2, 2}};
  for (const Part& wrong : {part("a", Layout::rows, 4, 2), part("a", Layout::rows, 1, 2, 3),
                            part("a", Layout::rows, 1, 4), part("a", Layout::rows, 1, 0),
                            part("a", Layout::rows, -1, 2), part("a", Layout::rows, 1, 2, -1),
                            part("a", Layout::hwio, 3, 2), grid}) {
    CHECK_THROWS_AS(assemble({wrong}, checkpoint), std::logic_error);
  }
}

}  // namespace
}  // namespace quantring::weights
