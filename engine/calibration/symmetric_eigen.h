#pragma once
// Eigenvalues and eigenvectors of real symmetric matrices, and powers made of them.

#include <cstddef>
#include <span>
#include <vector>

namespace quantring {

struct SymmetricEigen {
  std::vector<double> values;   // [n], descending
  std::vector<double> vectors;  // [n, n], row i belongs to values[i]; orthonormal
};

// matrix: [n, n], of which only the lower triangle is read. Of an eigenvector's components the one
// with the largest magnitude is positive, the first one of equals. The same input gives the same
// result; on one thread. Errors are of the order of 1e-15 of the largest eigenvalue, for small
// eigenvalues too. Throws Error if a value is not finite, std::invalid_argument for a wrong size.
SymmetricEigen symmetric_eigen(std::span<const double> matrix, std::size_t n);

struct SymmetricPower {
  std::vector<double> power, inverse;  // [n, n]; power * inverse = identity
};

// Of a positive semidefinite matrix [n, n]. Eigenvalues below floor * their mean are raised to
// that: floor > 0. Of a matrix of zeros, which says nothing about directions, identities.
SymmetricPower symmetric_power(std::span<const double> matrix, std::size_t n, double exponent,
                               double floor);

}  // namespace quantring
