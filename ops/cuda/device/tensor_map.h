#pragma once
// Tensor maps: descriptors for Hopper's tensor copies (TMA).

#include <cudaTypedefs.h>

#include <span>

#include "ops/tensor.h"

namespace quantring::cuda {

// Of `data` [..., sizes[1], sizes[0]] in device memory, the first dimension contiguous and the
// others `strides` bytes apart (one fewer than sizes); a copy moves `box` elements. Outside of the
// sizes a copy reads zeros and writes nothing. Throws Error.
CUtensorMap tensor_map(const void* data, DType dtype, std::span<const cuuint64_t> sizes,
                       std::span<const cuuint64_t> strides, std::span<const cuuint32_t> box,
                       CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion);

}  // namespace quantring::cuda
