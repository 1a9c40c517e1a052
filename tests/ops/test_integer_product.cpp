// integer_product() against a plain loop, in every instruction set, sums that wrap around included;
// rows of floats as integers.

#include <cmath>
#include <random>
#include <vector>

#include "ops/coding/integer_rows.h"
#include "ops/cpu/kernels.h"

#include "support.h"

using namespace quantring;

namespace {

std::vector<std::int16_t> random_integers(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int16_t> integers(static_cast<std::size_t>(count));
  for (auto& integer : integers) integer = static_cast<std::int16_t>(random());
  return integers;
}

TEST_CASE("integer products are exact in every instruction set") {
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  const int count = cpu::available_kernels(sets);
  REQUIRE(count >= 1);
  for (const std::int64_t rows : {0, 1, 3, 4, 5, 16, 19}) {
    for (const std::int64_t pairs : {0, 1, 7, 256, 257, 520}) {
      for (const std::int64_t cols : {0, 1, 3, 4, 8, 15, 16, 17, 33, 63, 64, 65, 131}) {
        CAPTURE(rows);
        CAPTURE(pairs);
        CAPTURE(cols);
        const std::int64_t x_stride = 2 * pairs + 2, m_stride = cols + 1, y_stride = cols + 3;
        const auto x = random_integers(rows * x_stride + 1, 1);
        const auto m = random_integers(2 * pairs * m_stride + 1, 2);
        const std::vector<std::int32_t> start(static_cast<std::size_t>(rows * y_stride + 1), 9);
        std::vector<std::int32_t> expected = start;
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t c = 0; c < cols; ++c) {
            std::int64_t sum = 0;
            for (std::int64_t k = 0; k < 2 * pairs; ++k)
              sum += std::int64_t{x[static_cast<std::size_t>(r * x_stride + k)]} *
                     m[static_cast<std::size_t>(2 * (k / 2 * m_stride + c) + k % 2)];
            expected[static_cast<std::size_t>(r * y_stride + c)] =
                static_cast<std::int32_t>(static_cast<std::uint32_t>(sum));
          }
        }
        for (int i = 0; i < count; ++i) {
          INFO(std::string(sets[i]->name));
          std::vector<std::int32_t> y = start;
          sets[i]->integer_product(x.data(), x_stride, m.data(), m_stride, rows, pairs, cols,
                                   y.data(), y_stride);
          CHECK(y == expected);
        }
      }
    }
  }
}

TEST_CASE("a row's integers use their 14 bits, whatever its size") {
  for (const float largest : {1.0F, 0.999F, 1.001F, 3e38F, 1e-20F, 1e-38F, 0.0F}) {
    CAPTURE(largest);
    const coding::RowScale scale = coding::row_scale(coding::to_bits(largest));
    CHECK(scale.scale * scale.unit == 1.0F);
    const std::int32_t integer = coding::row_integer(largest, scale.scale);
    CHECK(integer <= 1 << 13);
    if (largest > 1e-30F) CHECK(integer >= 1 << 12);
    CHECK(coding::row_integer(-largest, scale.scale) == -integer);
    if (largest > 1e-30F && largest < 1e38F)
      CHECK(std::fabs(static_cast<float>(integer) * scale.unit - largest) <= largest * 0x1p-13F);
  }
  CHECK(coding::row_integer(0.5F, 1) == 0);  // half to even
  CHECK(coding::row_integer(1.5F, 1) == 2);
  CHECK(coding::row_integer(-2.5F, 1) == -2);
  CHECK(coding::row_value(3, 0.5F, 0.25F) == 0.375F);
}

}  // namespace
