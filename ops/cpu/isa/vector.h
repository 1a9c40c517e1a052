#pragma once
// The widest float vector of the instruction set that this file is compiled for, through the
// compiler's vector types: the same source gives SSE2, AVX2, AVX-512 and NEON code. Everything in
// ops/cpu/isa is in an unnamed namespace, so that the linker does not merge copies compiled for
// different CPUs.

#include <cstdint>

#if defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace quantring::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif
constexpr std::int64_t lanes = vector_bytes / 4;

using Vector = float __attribute__((vector_size(vector_bytes)));
using IntVector = std::int32_t __attribute__((vector_size(vector_bytes)));

#define QUANTRING_INLINE inline __attribute__((always_inline))

// Adding -0 changes no value, so the compiler removes it; +0 would turn -0 into 0.
QUANTRING_INLINE Vector broadcast(float value) {
  return value - Vector{};
}

QUANTRING_INLINE Vector load(const float* source) {
  Vector v;
  __builtin_memcpy(&v, source, sizeof v);
  return v;
}

QUANTRING_INLINE void store(float* target, Vector v) {
  __builtin_memcpy(target, &v, sizeof v);
}

// The first count lanes, 0 < count < lanes; the others become `fill`.
QUANTRING_INLINE Vector load_first(const float* source, std::int64_t count, float fill) {
  Vector v = broadcast(fill);
  for (std::int64_t i = 0; i < count; ++i) v[i] = source[i];
  return v;
}

QUANTRING_INLINE void store_first(float* target, std::int64_t count, Vector v) {
  for (std::int64_t i = 0; i < count; ++i) target[i] = v[i];
}

// a * b + c, rounded once if the CPU can. Explicit, because the compiler may fuse one copy of a
// loop and not another; results would then depend on the shape of a tile.
QUANTRING_INLINE Vector multiply_add(Vector a, Vector b, Vector c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__aarch64__)
  return vfmaq_f32(c, a, b);
#else
  return a * b + c;
#endif
}

QUANTRING_INLINE Vector multiply_add(Vector a, Vector b, float c) {
  return multiply_add(a, b, broadcast(c));
}

QUANTRING_INLINE IntVector bits_of(Vector v) {
  IntVector bits;
  __builtin_memcpy(&bits, &v, sizeof v);
  return bits;
}

QUANTRING_INLINE Vector from_bits(IntVector bits) {
  Vector v;
  __builtin_memcpy(&v, &bits, sizeof v);
  return v;
}

// The second operand if they are unordered, so a NaN in b stays.
QUANTRING_INLINE Vector larger(Vector a, Vector b) {
  return a > b ? a : b;
}

// Adds or compares quarters of 4 lanes first, then the lanes of the last quarter: a fixed order.
using Quad = float __attribute__((vector_size(16)));
constexpr int quads = vector_bytes / 16;

QUANTRING_INLINE float sum_of(Vector v) {
  Quad part[quads];
  __builtin_memcpy(part, &v, sizeof v);
  for (int half = quads / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) part[i] += part[i + half];
  }
  return (part[0][0] + part[0][1]) + (part[0][2] + part[0][3]);
}

QUANTRING_INLINE float largest_of(Vector v) {
  Quad part[quads];
  __builtin_memcpy(part, &v, sizeof v);
  for (int half = quads / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) part[i] = part[i] > part[i + half] ? part[i] : part[i + half];
  }
  const float low = part[0][0] > part[0][1] ? part[0][0] : part[0][1];
  const float high = part[0][2] > part[0][3] ? part[0][2] : part[0][3];
  return low > high ? low : high;
}

// v with the lanes from count on replaced by fill.
QUANTRING_INLINE Vector keep_first(Vector v, std::int64_t count, Vector fill) {
  IntVector index;
  for (int i = 0; i < lanes; ++i) index[i] = i;
  return index < static_cast<std::int32_t>(count) ? v : fill;
}

}  // namespace
}  // namespace quantring::cpu
