// Eigen-decomposition against Jacobi's method and against what defines it.

#include "engine/calibration/symmetric_eigen.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>

#include "ops/base/error.h"

using namespace quantring;

namespace {

using Matrix = std::vector<double>;

// Jacobi's cyclic rotations on the full matrix until nothing is left beside the diagonal.
Matrix jacobi_values(Matrix a, std::size_t n) {
  for (int sweep = 0; sweep < 60; ++sweep) {
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p * n + q] == 0) continue;
        const double angle = 0.5 * std::atan2(2 * a[p * n + q], a[q * n + q] - a[p * n + p]);
        const double c = std::cos(angle), s = std::sin(angle);
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[p * n + k], y = a[q * n + k];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
        }
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[k * n + p], y = a[k * n + q];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
      }
    }
  }
  Matrix values;
  for (std::size_t i = 0; i < n; ++i) values.push_back(a[i * n + i]);
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

Matrix multiply(const Matrix& a, const Matrix& b, std::size_t n) {
  Matrix c(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
    }
  }
  return c;
}

double largest_difference(const Matrix& a, const Matrix& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

Matrix identity(std::size_t n) {
  Matrix matrix(n * n);
  for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = 1;
  return matrix;
}

Matrix random_symmetric(std::size_t n, std::uint32_t seed) {
  std::mt19937 random(seed);
  Matrix a(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      a[i * n + j] = a[j * n + i] = static_cast<double>(random()) / 2147483648.0 - 1;
    }
  }
  return a;
}

// With these eigenvalues, turned by random reflections.
Matrix with_values(const Matrix& values, std::uint32_t seed) {
  const std::size_t n = values.size();
  Matrix a(n * n);
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] = values[i];
  std::mt19937 random(seed);
  for (int turn = 0; turn < 3; ++turn) {
    Matrix reflection = identity(n), u(n);
    double square = 0;
    for (double& value : u) {
      value = static_cast<double>(random()) / 2147483648.0 - 1;
      square += value * value;
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) reflection[i * n + j] -= 2 * u[i] * u[j] / square;
    }
    a = multiply(multiply(reflection, a, n), reflection, n);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) a[j * n + i] = a[i * n + j];
  }
  return a;
}

// Order, A v = lambda v, orthonormal vectors, and the sign. Returns the eigenvalues.
Matrix check(const Matrix& a, std::size_t n) {
  const SymmetricEigen eigen = symmetric_eigen(a, n);
  REQUIRE(eigen.values.size() == n);
  REQUIRE(eigen.vectors.size() == n * n);
  CHECK(std::is_sorted(eigen.values.rbegin(), eigen.values.rend()));
  double size = 0;
  for (const double value : eigen.values) size = std::max(size, std::abs(value));
  const double tolerance = 1e-15 * static_cast<double>(n + 8);
  Matrix transposed(n * n), scaled(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      transposed[j * n + i] = eigen.vectors[i * n + j];
      scaled[i * n + j] = eigen.values[i] * eigen.vectors[i * n + j];
    }
  }
  CHECK(largest_difference(multiply(eigen.vectors, transposed, n), identity(n)) <= tolerance);
  CHECK(largest_difference(multiply(eigen.vectors, a, n), scaled) <= tolerance * size);
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = eigen.vectors.begin() + static_cast<std::ptrdiff_t>(i * n);
    const auto largest =
        std::max_element(row, row + static_cast<std::ptrdiff_t>(n),
                         [](double x, double y) { return std::abs(x) < std::abs(y); });
    CHECK(*largest > 0);
  }
  const SymmetricEigen again = symmetric_eigen(a, n);
  CHECK(again.values == eigen.values);
  CHECK(again.vectors == eigen.vectors);
  return eigen.values;
}

}  // namespace

TEST_CASE("eigenvalues are Jacobi's, for every size around the strips' width") {
  for (const std::size_t n : {1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 64, 65, 100}) {
    INFO("n ", n);
    const Matrix a = random_symmetric(n, static_cast<std::uint32_t>(n));
    CHECK(largest_difference(check(a, n), jacobi_values(a, n)) <= 1e-13 * std::sqrt(n));
  }
}

TEST_CASE("a larger matrix, with more rotations than are collected at once") {
  check(random_symmetric(200, 5), 200);
}

TEST_CASE("equal, clustered, zero and widely spread eigenvalues") {
  Matrix clustered, spread, low_rank(40);
  for (int i = 0; i < 40; ++i) {
    clustered.push_back(1 + (i / 8) * 1e-13);
    spread.push_back(std::pow(10.0, 6 - i));
  }
  low_rank[0] = 5;
  low_rank[1] = low_rank[2] = 2;
  for (const Matrix& values : {clustered, spread, low_rank}) {
    CHECK(largest_difference(check(with_values(values, 3), 40), [&] {
            Matrix sorted = values;
            std::sort(sorted.begin(), sorted.end(), std::greater<>());
            return sorted;
          }()) <= 1e-13 * values[0]);
  }
}

TEST_CASE("matrices that need no rotation, or hardly one") {
  CHECK(check(Matrix(25), 5) == Matrix(5));
  CHECK(check(identity(6), 6) == Matrix(6, 1.0));
  CHECK(check({-3}, 1) == Matrix{-3});
  CHECK(largest_difference(check({2, 1, 1, 2}, 2), {3, 1}) <= 1e-15);
  check({0, 1, 0, 1, 0, 1, 0, 1, 0}, 3);
  // Already tridiagonal, and apart in the middle.
  check({1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 4, 2, 0, 0, 2, 4}, 4);
}

TEST_CASE("very large and very small values") {
  for (const double scale : {1e-200, 1e200}) {
    Matrix a = random_symmetric(12, 9);
    const Matrix expected = jacobi_values(a, 12);
    for (double& value : a) value *= scale;
    Matrix values = symmetric_eigen(a, 12).values;
    for (double& value : values) value /= scale;
    CHECK(largest_difference(values, expected) <= 1e-13);
  }
}

TEST_CASE("only the lower triangle is read; what cannot be decomposed is refused") {
  Matrix a = random_symmetric(6, 2);
  const Matrix values = symmetric_eigen(a, 6).values;
  a[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK(symmetric_eigen(a, 6).values == values);
  a[6] = a[1];
  CHECK_THROWS_AS(symmetric_eigen(a, 6), Error);
  a[6] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_AS(symmetric_eigen(a, 6), Error);
  CHECK_THROWS_AS(symmetric_eigen(a, 5), std::invalid_argument);
}

TEST_CASE("powers whose exponents sum to one give the matrix, the inverse undoes each") {
  Matrix values;
  for (int i = 0; i < 20; ++i) values.push_back(1 + i);
  const Matrix a = with_values(values, 4);
  const SymmetricPower root = symmetric_power(a, 20, 0.5, 1e-6);
  CHECK(largest_difference(multiply(root.power, root.power, 20), a) <= 1e-12);
  CHECK(largest_difference(multiply(root.power, root.inverse, 20), identity(20)) <= 1e-13);
  const SymmetricPower less = symmetric_power(a, 20, 0.35, 1e-6);
  const SymmetricPower rest = symmetric_power(a, 20, 0.65, 1e-6);
  CHECK(largest_difference(multiply(less.power, rest.power, 20), a) <= 1e-12);
  CHECK(largest_difference(multiply(less.power, less.inverse, 20), identity(20)) <= 1e-13);
}

TEST_CASE("eigenvalues below a fraction of the mean are raised to it") {
  // The mean is 2, so that 0 and a rounding error below it become 0.5.
  const Matrix a = with_values({5, 3, 0, -1e-17}, 7);
  const SymmetricPower root = symmetric_power(a, 4, 0.5, 0.25);
  const Matrix square = multiply(root.power, root.power, 4);
  CHECK(largest_difference(symmetric_eigen(square, 4).values, {5, 3, 0.5, 0.5}) <= 5e-14);
  CHECK(largest_difference(multiply(root.power, root.inverse, 4), identity(4)) <= 1e-14);
  const SymmetricPower nothing = symmetric_power(Matrix(9), 3, 0.5, 0.25);
  CHECK(nothing.power == identity(3));
  CHECK(nothing.inverse == identity(3));
}
