#pragma once
// Eight consecutive elements at once: one 16-byte access for f16 and bf16, two for f32.

#include <cstdint>

#include "ops/cuda/number.h"

namespace quantring::cuda {

inline constexpr int vector_width = 8;

// Whether rows of `columns` elements starting at this address can be read in vectors.
inline bool vectors_fit(const void* data, std::int64_t columns) {
  return columns % vector_width == 0 && reinterpret_cast<std::uintptr_t>(data) % 16 == 0;
}

template <class T>
__device__ inline void load_vector(const T* source, float (&values)[vector_width]) {
  constexpr int each = 16 / sizeof(T);
#pragma unroll
  for (int part = 0; part < vector_width / each; ++part) {
    const uint4 bits = *reinterpret_cast<const uint4*>(source + part * each);
    const T* const elements = reinterpret_cast<const T*>(&bits);
#pragma unroll
    for (int i = 0; i < each; ++i) values[part * each + i] = to_float(elements[i]);
  }
}

template <class T>
__device__ inline void store_vector(const float (&values)[vector_width], T* target) {
  constexpr int each = 16 / sizeof(T);
#pragma unroll
  for (int part = 0; part < vector_width / each; ++part) {
    uint4 bits;
    T* const elements = reinterpret_cast<T*>(&bits);
#pragma unroll
    for (int i = 0; i < each; ++i) elements[i] = from_float<T>(values[part * each + i]);
    *reinterpret_cast<uint4*>(target + part * each) = bits;
  }
}

}  // namespace quantring::cuda
