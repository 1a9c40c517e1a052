// The compiled kernels of every instruction set that this machine supports, against slow
// references: the ops themselves use only the fastest set.

#include "ops/cpu/kernels.h"

#include "support.h"

using namespace quantring;
using test::check_close;
using test::half_ulp;
using test::random_values;

namespace {

template <class Body>
void for_each_set(const Body& body) {
  const cpu::Kernels* sets[cpu::max_kernel_sets];
  const int count = cpu::available_kernels(sets);
  REQUIRE(count >= 1);
  for (int i = 0; i < count; ++i) {
    INFO(std::string(sets[i]->name));
    body(*sets[i]);
  }
}

std::size_t packed_floats(const cpu::Kernels& kernels, std::int64_t cols, std::int64_t depth) {
  return static_cast<std::size_t>((cols + kernels.panel - 1) / kernels.panel * kernels.panel *
                                  depth);
}

// One product with strides wider than the rows, checked against a sum in double.
void check_gemm(const cpu::Kernels& kernels, std::int64_t rows, std::int64_t cols,
                std::int64_t depth, bool add, bool with_bias) {
  INFO(rows, " x ", cols, " x ", depth, std::string(add ? ", added" : ""),
       std::string(with_bias ? ", bias" : ""));
  const std::int64_t a_stride = depth + 3, c_stride = cols + 5;
  const std::vector<float> a = random_values(rows * a_stride, 1),
                           b = random_values(cols * depth, 2);
  std::vector<float> bias = random_values(cols, 3);
  const std::vector<float> start = random_values(rows * c_stride, 4);
  std::vector<double> expected(start.begin(), start.end());
  std::vector<double> sizes(expected.size(), 1);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) {
      const auto at = static_cast<std::size_t>(r * c_stride + c);
      double sum = add ? expected[at] : 0;
      if (with_bias) sum += static_cast<double>(bias[static_cast<std::size_t>(c)]);
      double size = std::abs(sum);
      for (std::int64_t k = 0; k < depth; ++k) {
        const double product = static_cast<double>(a[static_cast<std::size_t>(r * a_stride + k)]) *
                               static_cast<double>(b[static_cast<std::size_t>(c * depth + k)]);
        sum += product;
        size += std::abs(product);
      }
      expected[at] = sum;
      sizes[at] = size;
    }
  }
  std::vector<float> packed(packed_floats(kernels, cols, depth), std::nanf(""));
  kernels.pack_transposed(b.data(), depth, cols, depth, packed.data());
  bias.resize(packed_floats(kernels, cols, 1), 0);
  test::Output c({rows, c_stride}, start);
  kernels.gemm({.rows = rows,
                .cols = cols,
                .depth = depth,
                .a = a.data(),
                .a_stride = a_stride,
                .b = packed.data(),
                .bias = with_bias ? bias.data() : nullptr,
                .c = c.tensor().f32(),
                .c_stride = c_stride,
                .add = add,
                .activation = 0});
  CHECK(c.guards_intact());
  // Roundings of a sum of n terms of size s add up like a random walk; elements between the rows,
  // whose size is 1, must not change.
  const double growth = (4 + std::sqrt(static_cast<double>(depth))) * half_ulp;
  check_close(c.values(), expected, [&](std::size_t i) { return growth * sizes[i]; });
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = cols; i < c_stride; ++i) {
      const auto at = static_cast<std::size_t>(r * c_stride + i);
      REQUIRE(c.values()[at] == start[at]);
    }
  }
}

}  // namespace

TEST_CASE("gemm: every height and width of a tile, depths around a block") {
  for_each_set([](const cpu::Kernels& kernels) {
    for (std::int64_t rows = 1; rows <= 9; ++rows) check_gemm(kernels, rows, 50, 20, false, true);
    for (std::int64_t cols = 1; cols <= 100; ++cols) check_gemm(kernels, 9, cols, 5, true, true);
    for (const std::int64_t depth : {1, 2, 383, 384, 385, 768, 1000}) {
      check_gemm(kernels, 17, 33, depth, false, false);
      check_gemm(kernels, 17, 33, depth, true, true);
    }
    check_gemm(kernels, 197, 200, 192, false, true);
  });
}

TEST_CASE("gemm: a row has the same bits at any position") {
  for_each_set([](const cpu::Kernels& kernels) {
    constexpr std::int64_t rows = 29, cols = 61, depth = 500;
    const std::vector<float> a = random_values(rows * depth, 1), b = random_values(cols * depth, 2);
    std::vector<float> packed(packed_floats(kernels, cols, depth));
    kernels.pack_transposed(b.data(), depth, cols, depth, packed.data());
    const auto product = [&](std::int64_t first, std::int64_t count) {
      std::vector<float> c(static_cast<std::size_t>(count * cols));
      kernels.gemm({count, cols, depth, a.data() + first * depth, depth, packed.data(), nullptr,
                    c.data(), cols, false, 0});
      return c;
    };
    const std::vector<float> whole = product(0, rows);
    for (std::int64_t first = 0; first < rows; ++first) {
      for (std::int64_t count = 1; count <= 8; ++count) {
        if (first + count > rows) continue;
        const std::span<const float> part(whole.data() + first * cols,
                                          static_cast<std::size_t>(count * cols));
        REQUIRE(test::same_bits(product(first, count), part));
      }
    }
  });
}

TEST_CASE("pack and pack_transposed make the same panels") {
  for_each_set([](const cpu::Kernels& kernels) {
    for (const std::int64_t cols : {1, 3, 16, 47, 48, 49, 100}) {
      for (const std::int64_t depth : {1, 5, 16, 33, 64}) {
        INFO(cols, " columns, depth ", depth);
        const std::vector<float> b = random_values(cols * depth, 5);  // [depth, cols]
        std::vector<float> transposed(b.size());                      // [cols, depth + 2 unused]
        transposed.resize(static_cast<std::size_t>(cols * (depth + 2)), 99.0f);
        for (std::int64_t k = 0; k < depth; ++k) {
          for (std::int64_t c = 0; c < cols; ++c) {
            transposed[static_cast<std::size_t>(c * (depth + 2) + k)] =
                b[static_cast<std::size_t>(k * cols + c)];
          }
        }
        const std::size_t floats = packed_floats(kernels, cols, depth);
        std::vector<float> one(floats + 1, 7.0f), other(floats + 1, 7.0f);
        kernels.pack(b.data(), cols, cols, depth, one.data());
        kernels.pack_transposed(transposed.data(), depth + 2, cols, depth, other.data());
        CHECK(test::same_bits(one, other));
        CHECK(one.back() == 7.0f);
        const std::int64_t last = cols - 1, panel = kernels.panel;
        CHECK(one[static_cast<std::size_t>(last / panel * panel * depth + last % panel)] ==
              b[static_cast<std::size_t>(last)]);
      }
    }
  });
}

TEST_CASE("softmax: rows of any length") {
  for_each_set([](const cpu::Kernels& kernels) {
    for (const std::int64_t cols : {1, 2, 15, 16, 17, 31, 50, 64, 197, 200}) {
      INFO(cols, " columns");
      constexpr std::int64_t rows = 5;
      const std::int64_t whole = (cols + kernels.lanes - 1) / kernels.lanes * kernels.lanes;
      const std::int64_t stride = whole + 3;
      const std::vector<float> x = random_values(rows * stride, 6, 40);
      constexpr float scale = 0.125f;
      std::vector<double> expected(x.begin(), x.end());
      for (std::int64_t r = 0; r < rows; ++r) {
        double* const row = expected.data() + r * stride;
        const double top = *std::max_element(row, row + cols);
        double sum = 0;
        for (std::int64_t c = 0; c < cols; ++c) {
          row[c] = std::exp((row[c] - top) * static_cast<double>(scale));
          sum += row[c];
        }
        for (std::int64_t c = 0; c < cols; ++c) row[c] /= sum;
        std::fill(row + cols, row + whole, 0.0);
      }
      test::Output y({rows, stride}, x);
      kernels.softmax(y.tensor().f32(), stride, scale, rows, cols);
      CHECK(y.guards_intact());
      // The exponent is at most 10 and rounded twice; then the sum, the quotient and the exp
      // itself.
      check_close(y.values(), expected, [&](std::size_t i) {
        return (std::sqrt(static_cast<double>(cols)) + 26) * half_ulp * std::abs(expected[i]) +
               1e-40;
      });
    }
  });
}

TEST_CASE("softmax: minus infinity becomes 0, large scores do not overflow, NaN stays") {
  for_each_set([](const cpu::Kernels& kernels) {
    constexpr std::int64_t cols = 20;
    std::vector<float> x(32, -HUGE_VALF);
    x[3] = 3e38f;
    x[17] = 3e38f;
    x[18] = -3e38f;
    kernels.softmax(x.data(), 32, 1, 1, cols);
    for (std::size_t i = 0; i < cols; ++i) CHECK(x[i] == (i == 3 || i == 17 ? 0.5f : 0.0f));
    for (std::size_t bad = 0; bad < cols; ++bad) {
      std::vector<float> row(32, 1.0f);
      row[bad] = std::nanf("");
      kernels.softmax(row.data(), 32, 1, 1, cols);
      CHECK(std::all_of(row.begin(), row.begin() + cols,
                        [](float value) { return std::isnan(value); }));
    }
  });
}

TEST_CASE("add: any length") {
  for_each_set([](const cpu::Kernels& kernels) {
    for (const std::int64_t count : {1, 15, 16, 17, 100}) {
      const std::vector<float> a = random_values(count, 7), b = random_values(count, 8);
      test::Output y({count});
      kernels.add(a.data(), b.data(), count, y.tensor().f32());
      CHECK(y.guards_intact());
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(y.values()[i] == a[i] + b[i]);
    }
  });
}
