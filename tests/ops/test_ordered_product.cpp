// ordered_product() has the bits of a plain loop, in every instruction set.

#include <cstring>

#include "ops/cpu/kernels.h"

#include "support.h"

using namespace quantring;

namespace {

// Every product is rounded: a compiler that fuses it with the sum would be wrong here.
void plain_product(const float* x, std::int64_t x_stride, const float* m, std::int64_t m_stride,
                   std::int64_t rows, std::int64_t depth, std::int64_t cols, float* y,
                   std::int64_t y_stride) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) {
      float sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        const volatile float product = x[r * x_stride + k] * m[k * m_stride + c];
        sum += product;
      }
      y[r * y_stride + c] = sum;
    }
  }
}

TEST_CASE("ordered products have the same bits in every instruction set") {
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  const int count = cpu::available_kernels(sets);
  REQUIRE(count >= 1);
  for (const std::int64_t rows : {0, 1, 3, 4, 5, 16, 19}) {
    for (const std::int64_t depth : {0, 1, 7, 256, 257, 520}) {
      for (const std::int64_t cols : {0, 1, 3, 4, 8, 15, 16, 17, 33, 63, 64, 65, 131}) {
        CAPTURE(rows);
        CAPTURE(depth);
        CAPTURE(cols);
        const std::int64_t x_stride = depth + 2, m_stride = cols + 1, y_stride = cols + 3;
        const auto x = test::random_values(rows * x_stride + 1, 1);
        auto m = test::random_values(depth * m_stride + 1, 2);
        for (std::size_t i = 0; i < m.size(); i += 5) m[i] = i % 2 == 0 ? 0.0F : -0.0F;
        const std::vector<float> start(static_cast<std::size_t>(rows * y_stride + 1), 9.0F);
        std::vector<float> expected = start;
        plain_product(x.data(), x_stride, m.data(), m_stride, rows, depth, cols, expected.data(),
                      y_stride);
        for (int i = 0; i < count; ++i) {
          INFO(std::string(sets[i]->name));
          std::vector<float> y = start;
          sets[i]->ordered_product(x.data(), x_stride, m.data(), m_stride, rows, depth, cols,
                                   y.data(), y_stride);
          CHECK(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)) == 0);
        }
      }
    }
  }
}

}  // namespace
