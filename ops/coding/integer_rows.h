#pragma once
// Rows of floats as 14-bit integers with a power of two each, so that a product of matrices is a
// sum of integers: exact, and the same in any order, on any device. Used as
// ops/coding/coding_arithmetic.h is.

#include "ops/coding/coding_arithmetic.h"

namespace quantring::coding {

// From the bits of a row's largest magnitude, which is finite: 2^13 / 2^e and its inverse, where
// 2^e is the smallest power of two above that magnitude, and at least 2^-100.
struct RowScale {
  float scale, unit;
};
QUANTRING_HOST_DEVICE RowScale row_scale(std::uint32_t largest) {
  const std::uint32_t exponent = largest >> 23 > 26 ? largest >> 23 : 26;
  return {from_bits((266 - exponent) << 23), from_bits((exponent - 12) << 23)};
}

// Half to even, within +-2^13.
QUANTRING_HOST_DEVICE std::int32_t row_integer(float value, float scale) {
  return rounded_signed(multiply(value, scale));
}

// A sum of products of integers as a float: of the row and of the matrix's column.
QUANTRING_HOST_DEVICE float row_value(std::int32_t sum, float row_unit, float column_unit) {
  return multiply(multiply(static_cast<float>(sum), row_unit), column_unit);
}

}  // namespace quantring::coding
