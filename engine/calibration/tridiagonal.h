#pragma once
// The two steps of symmetric_eigen() (Golub & Van Loan, Matrix Computations, chapter 8):
// A = Q T Q' with a tridiagonal T, then T's eigenvectors by implicit QL.

#include <cstddef>
#include <vector>

namespace quantring {

// A matrix [n, n] in strips of columns, so that a rotation of two rows, applied strip by strip,
// works in the cache.
class StripMatrix {
 public:
  static constexpr std::size_t width = 32;

  explicit StripMatrix(std::size_t n)
      : n_(n), strips_((n + width - 1) / width), values_(strips_ * n * width) {}
  std::size_t strips() const { return strips_; }
  double* strip(std::size_t index) { return values_.data() + index * n_ * width; }  // [n, width]
  void set_row(std::size_t row, const double* values);
  void get_row(std::size_t row, double* values) const;

 private:
  std::size_t n_, strips_;
  std::vector<double> values_;
};

struct Tridiagonal {
  std::vector<double> diagonal;  // [n]
  std::vector<double> off;       // [n]; off[i] couples i and i + 1, the last one is 0
};

// a: [n, n], n >= 1, its lower triangle; overwritten. rotation becomes Q' (orthogonal).
Tridiagonal tridiagonalise(std::vector<double>& a, std::size_t n, StripMatrix& rotation);

// t.diagonal becomes the eigenvalues, in no order; rows become the eigenvectors where they were Q'.
// Throws Error if there is no convergence.
void diagonalise(Tridiagonal& t, StripMatrix& rows);

}  // namespace quantring
