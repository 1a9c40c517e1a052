#include "engine/calibration/tridiagonal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ops/base/error.h"

namespace quantring {
namespace {

constexpr std::size_t lanes = 8;  // partial sums, so that additions do not wait for each other

double dot(const double* a, const double* b, std::size_t count) {
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) sums[lane] += a[i] * b[i];
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

// y += factor * x; returns x . u, so that x is read once.
double add_and_dot(double factor, const double* x, const double* u, std::size_t count, double* y) {
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const double value = x[i + lane];
      y[i + lane] += factor * value;
      sums[lane] += value * u[i + lane];
    }
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) {
    y[i] += factor * x[i];
    sums[lane] += x[i] * u[i];
  }
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

// The reflection I - u u' / h that takes row[0 .. count) to (0, .., 0, off); u replaces row. h is 0
// where the row has that form already.
struct Reflection {
  double h = 0, off = 0;
};

Reflection reflect(double* row, std::size_t count) {
  double largest = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) largest = std::max(largest, std::abs(row[i]));
  const double last = row[count - 1];
  if (largest == 0) return {0, last};
  largest = std::max(largest, std::abs(last));
  for (std::size_t i = 0; i < count; ++i) row[i] /= largest;  // squares must not overflow
  const double norm = std::sqrt(dot(row, row, count));
  const double target = row[count - 1] > 0 ? -norm : norm;  // away from it: nothing cancels
  const double h = norm * norm - target * row[count - 1];
  row[count - 1] -= target;
  return {h, target * largest};
}

// Row r of Q' is e_r P_1 P_2 .. P_(n-1), where P_i reflects the first i components with row i of u.
// Several rows at once, so that a u is read from memory once for all of them.
void multiply_reflections(const std::vector<double>& u, const std::vector<double>& h, std::size_t n,
                          StripMatrix& rotation) {
  constexpr std::size_t together = 8;
  std::vector<double> rows(together * n);
  for (std::size_t first = 0; first < n; first += together) {
    const std::size_t count = std::min(together, n - first);
    std::fill(rows.begin(), rows.end(), 0.0);
    for (std::size_t r = 0; r < count; ++r) rows[r * n + first + r] = 1;
    for (std::size_t i = first + 1; i < n; ++i) {
      if (h[i] == 0) continue;
      const double* const reflector = u.data() + i * n;
      for (std::size_t r = 0; r < count; ++r) {
        double* const row = rows.data() + r * n;
        const double factor = dot(row, reflector, i) / h[i];
        for (std::size_t k = 0; k < i; ++k) row[k] -= factor * reflector[k];
      }
    }
    for (std::size_t r = 0; r < count; ++r) rotation.set_row(first + r, rows.data() + r * n);
  }
}

// Rotations of neighbouring rows, collected and applied in order.
class Rotations {
 public:
  explicit Rotations(StripMatrix& rows) : rows_(rows) { pending_.reserve(capacity); }

  // row[upper] = c row[upper] - s row[upper + 1], row[upper + 1] = s row[upper] + c row[upper + 1]
  void add(std::size_t upper, double c, double s) {
    pending_.push_back({upper, c, s});
    if (pending_.size() == capacity) apply();
  }

  void apply() {
    constexpr std::size_t width = StripMatrix::width;
    for (std::size_t index = 0; index < rows_.strips(); ++index) {
      double* const strip = rows_.strip(index);
      for (const Rotation& rotation : pending_) {
        double* const upper = strip + rotation.upper * width;
        double* const lower = upper + width;
        for (std::size_t k = 0; k < width; ++k) {
          const double x = upper[k], y = lower[k];
          upper[k] = rotation.c * x - rotation.s * y;
          lower[k] = rotation.s * x + rotation.c * y;
        }
      }
    }
    pending_.clear();
  }

 private:
  struct Rotation {
    std::size_t upper;
    double c, s;
  };
  static constexpr std::size_t capacity = 8192;
  StripMatrix& rows_;
  std::vector<Rotation> pending_;
};

// One implicit QL step on the unreduced part [first, last] of T, with Wilkinson's shift.
void ql_step(Tridiagonal& t, std::size_t first, std::size_t last, Rotations& rotations) {
  std::vector<double>&d = t.diagonal, &e = t.off;
  const double half = (d[first + 1] - d[first]) / (2 * e[first]);
  const double shift = d[first] - e[first] / (half + std::copysign(std::hypot(half, 1.0), half));
  double bulge = d[last] - shift, c = 1, s = 1, carried = 0;
  for (std::size_t i = last; i-- > first;) {
    const double chased = s * e[i], along = c * e[i];
    const double length = std::hypot(chased, bulge);
    e[i + 1] = length;
    if (length == 0) {  // the matrix has come apart here
      d[i + 1] -= carried;
      e[last] = 0;
      return;
    }
    s = chased / length;
    c = bulge / length;
    const double next = d[i + 1] - carried;
    const double turn = (d[i] - next) * s + 2 * c * along;
    carried = s * turn;
    d[i + 1] = next + carried;
    bulge = c * turn - along;
    rotations.add(i, c, s);
  }
  d[first] -= carried;
  e[first] = bulge;
  e[last] = 0;
}

}  // namespace

void StripMatrix::set_row(std::size_t row, const double* values) {
  for (std::size_t index = 0; index < strips_; ++index) {
    const std::size_t first = index * width;
    std::copy_n(values + first, std::min(width, n_ - first), strip(index) + row * width);
  }
}

void StripMatrix::get_row(std::size_t row, double* values) const {
  for (std::size_t index = 0; index < strips_; ++index) {
    const std::size_t first = index * width;
    std::copy_n(values_.data() + (index * n_ + row) * width, std::min(width, n_ - first),
                values + first);
  }
}

Tridiagonal tridiagonalise(std::vector<double>& a, std::size_t n, StripMatrix& rotation) {
  Tridiagonal t{std::vector<double>(n), std::vector<double>(n)};
  std::vector<double> h(n), p(n);
  for (std::size_t i = n; i-- > 1;) {
    double* const u = a.data() + i * n;
    const Reflection reflection = reflect(u, i);
    t.off[i - 1] = reflection.off;
    h[i] = reflection.h;
    if (h[i] == 0) continue;
    // A - u q' - q u' with p = A u / h, q = p - u (u . p) / 2h
    std::fill_n(p.begin(), i, 0.0);
    for (std::size_t r = 0; r < i; ++r) {
      const double* const row = a.data() + r * n;
      p[r] += add_and_dot(u[r], row, u, r, p.data()) + row[r] * u[r];
    }
    for (std::size_t r = 0; r < i; ++r) p[r] /= h[i];
    const double along = dot(u, p.data(), i) / (2 * h[i]);
    for (std::size_t r = 0; r < i; ++r) p[r] -= along * u[r];
    for (std::size_t r = 0; r < i; ++r) {
      double* const row = a.data() + r * n;
      const double left = u[r], right = p[r];
      for (std::size_t k = 0; k <= r; ++k) row[k] -= left * p[k] + right * u[k];
    }
  }
  for (std::size_t i = 0; i < n; ++i) t.diagonal[i] = a[i * n + i];
  multiply_reflections(a, h, n, rotation);
  return t;
}

void diagonalise(Tridiagonal& t, StripMatrix& rows) {
  constexpr int max_steps = 100;  // two are usual
  const std::size_t n = t.diagonal.size();
  double norm = 0;
  for (std::size_t i = 0; i < n; ++i) {
    norm = std::max(norm, std::abs(t.diagonal[i]) + 2 * std::abs(t.off[i]));
  }
  // What is smaller was lost in the first step already.
  const double negligible = std::numeric_limits<double>::epsilon() / 2 * norm;
  Rotations rotations(rows);
  for (std::size_t first = 0; first < n; ++first) {
    for (int step = 0;; ++step) {
      std::size_t last = first;
      while (last + 1 < n && std::abs(t.off[last]) > negligible) ++last;
      if (last == first) break;
      if (step == max_steps) throw Error("the eigenvalues of a matrix did not converge");
      ql_step(t, first, last, rotations);
    }
  }
  rotations.apply();
}

}  // namespace quantring
