#include "engine/calibration/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "engine/calibration/tridiagonal.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

void make_largest_positive(std::span<double> vector) {
  double largest = 0;
  for (const double value : vector) {
    if (std::abs(value) > std::abs(largest)) largest = value;
  }
  if (largest < 0) {
    for (double& value : vector) value = -value;
  }
}

// sum over k of factors[k] v_k v_k', the v_k being the rows of `vectors`
std::vector<double> compose(const std::vector<double>& vectors,
                            const std::vector<double>& factors) {
  constexpr std::size_t together = 8;  // rows of the result for each reading of `vectors`
  const std::size_t n = factors.size();
  std::vector<double> result(n * n);
  for (std::size_t first = 0; first < n; first += together) {
    const std::size_t end = std::min(n, first + together);
    for (std::size_t k = 0; k < n; ++k) {
      const double* const v = vectors.data() + k * n;
      for (std::size_t r = first; r < end; ++r) {
        const double factor = factors[k] * v[r];
        double* const row = result.data() + r * n;
        for (std::size_t c = 0; c < end; ++c) row[c] += factor * v[c];
      }
    }
  }
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < r; ++c) result[c * n + r] = result[r * n + c];
  }
  return result;
}

}  // namespace

SymmetricEigen symmetric_eigen(std::span<const double> matrix, std::size_t n) {
  if (n == 0 || matrix.size() != n * n) throw std::invalid_argument("symmetric_eigen: size");
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c <= r; ++c) {
      if (!std::isfinite(matrix[r * n + c])) {
        throw Error("a matrix to be decomposed has a value that is not finite");
      }
    }
  }
  std::vector<double> work(matrix.begin(), matrix.end());
  StripMatrix rows(n);
  Tridiagonal t = tridiagonalise(work, n, rows);
  diagonalise(t, rows);

  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return t.diagonal[a] > t.diagonal[b]; });
  SymmetricEigen result{std::vector<double>(n), std::move(work)};
  for (std::size_t i = 0; i < n; ++i) {
    result.values[i] = t.diagonal[order[i]];
    const std::span<double> vector = std::span(result.vectors).subspan(i * n, n);
    rows.get_row(order[i], vector.data());
    make_largest_positive(vector);
  }
  return result;
}

SymmetricPower symmetric_power(std::span<const double> matrix, std::size_t n, double exponent,
                               double floor) {
  if (!(floor > 0)) throw std::invalid_argument("symmetric_power: floor");
  SymmetricEigen eigen = symmetric_eigen(matrix, n);
  const double sum = std::accumulate(eigen.values.begin(), eigen.values.end(), 0.0);
  const double least = floor * sum / static_cast<double>(n);
  std::vector<double> powers(n, 1.0), inverses(n, 1.0);
  for (std::size_t i = 0; i < n && least > 0; ++i) {
    powers[i] = std::pow(std::max(eigen.values[i], least), exponent);
    inverses[i] = 1 / powers[i];
  }
  return {compose(eigen.vectors, powers), compose(eigen.vectors, inverses)};
}

}  // namespace quantring
