#pragma once
// exp and the GELUs on vectors.

#include "ops/cpu/isa/vector.h"

namespace quantring::cpu {
namespace {

// Below this exp(x) is smaller than the smallest normal float; such results are set to 0.
constexpr float exp_floor = -87.3f;

// exp(head + tail) for exp_floor <= head <= 88 and a small tail, to about 1 unit in the last place.
QUANTRING_INLINE Vector exp_of_sum(Vector head, Vector tail) {
  // n = round(head / ln 2), read from the low bits after adding 1.5 * 2^23.
  constexpr float magic = 0x1.8p23f;
  const Vector shifted = multiply_add(head, broadcast(0x1.715476p0f), magic);
  const Vector n = shifted - magic;
  // r = head - n ln 2 in two steps; the first constant has few enough bits that n times it is
  // exact.
  Vector r = multiply_add(n, broadcast(-0x1.63p-1f), head);
  r = multiply_add(n, broadcast(0x1.bd0106p-13f), r) + tail;
  // Minimax fit of (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2, relative error of the exp below 4e-9.
  Vector p = multiply_add(r, broadcast(0.00138144657f), 0.00836878053f);
  p = multiply_add(p, r, 0.0416683942f);
  p = multiply_add(p, r, 0.166665201f);
  p = multiply_add(p, r, 0.499999934f);
  p = multiply_add(p, r * r, r) + 1.0f;
  const IntVector exponent = bits_of(shifted) - bits_of(broadcast(magic)) + 127;
  return p * from_bits(exponent << 23);
}

// exp(x) for x <= 0; 0 below exp_floor; NaN stays NaN.
QUANTRING_INLINE Vector exp_of_negative(Vector x) {
  const Vector floor = broadcast(exp_floor);
  const Vector e = exp_of_sum(x < floor ? floor : x, Vector{});
  return x < floor ? Vector{} : e;
}

// x * Phi(x) with the normal distribution function Phi, relative error about 2e-7 in both tails.
// With a = |x|: Phi(-a) = exp(-a^2 / 2) * q(a), where q is smooth and is fitted as a polynomial.
QUANTRING_INLINE Vector gelu_erf(Vector x) {
  const Vector zero{};
  const Vector lowest =
      broadcast(-13.2f);  // beyond it the result is below the smallest normal float
  const Vector bounded = x < lowest ? lowest : x;  // keeps NaN
  const Vector magnitude = from_bits(bits_of(x) & 0x7fffffff);
  const Vector a = magnitude > -lowest ? -lowest : magnitude;
  // a^2 = head + tail, head exact because `high` has 12 bits: rounding a^2 would cost 5e-6 at the
  // ends.
  const Vector high = from_bits(bits_of(a) & ~0xfff);
  const Vector head = high * high * -0.5f;
  const Vector tail = (a - high) * (a + high) * -0.5f;
  const Vector e = exp_of_sum(head, tail);
  // q(a) = w * P(u), w = 1 / (a + 4), u = (a - 4) w; minimax over 0 <= a <= 13.2, error below 8e-9.
  const Vector w = 1.0f / (a + 4.0f);
  const Vector u = (a - 4.0f) * w;
  Vector p = multiply_add(u, broadcast(-0.000125098713f), 0.000194497827f);
  p = multiply_add(p, u, 0.00157607638f);
  p = multiply_add(p, u, -0.00351897707f);
  p = multiply_add(p, u, -0.00752950583f);
  p = multiply_add(p, u, 0.0604045478f);
  p = multiply_add(p, u, -0.186522787f);
  p = multiply_add(p, u, 0.387136883f);
  p = multiply_add(p, u, -0.607896612f);
  p = multiply_add(p, u, 0.755285135f);
  const Vector below = e * (w * p);  // Phi(-a)
  const Vector phi = x > zero ? 1.0f - below : below;
  // Beyond `lowest` the limit is 0, also for -infinity.
  return bounded * (x < lowest ? zero : phi);
}

// x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), through 1 + tanh(z) = 2 / (1 + exp(-2 z)).
QUANTRING_INLINE Vector gelu_tanh(Vector x) {
  const Vector zero{};
  const Vector lowest = broadcast(-13.0f);  // the result is 0 in float well before
  const Vector bounded = x < lowest ? lowest : x;
  // 2 z of the formula.
  const Vector z = bounded * multiply_add(bounded * bounded, broadcast(0.0713548163f), 1.59576912f);
  const Vector e = exp_of_negative(z > zero ? -z : z);
  const Vector numerator = z > zero ? bounded : bounded * e;
  return numerator / (1.0f + e);
}

// x * sigmoid(1.702 x), from the exp of minus the magnitude, which cannot overflow.
QUANTRING_INLINE Vector gelu_quick(Vector x) {
  const Vector zero{};
  const Vector lowest = broadcast(-60.0f);  // the result is 0 in float well before
  const Vector bounded = x < lowest ? lowest : x;
  const Vector z = bounded * 1.702f;
  const Vector e = exp_of_negative(z > zero ? -z : z);
  const Vector numerator = z > zero ? bounded : bounded * e;
  return numerator / (1.0f + e);
}

}  // namespace
}  // namespace quantring::cpu
