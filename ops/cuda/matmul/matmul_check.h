#pragma once
// A slow matrix product on the GPU, independent of every engine, at random positions: a kernel with
// wrong results must never be chosen because it is fast.

#include <cstdint>

#include "ops/cuda/matmul/matmul.h"

namespace quantring::cuda {

// Random values, the same each time, with mean 1/2, so that a norm that ignores the mean is
// detected, and variance 1.
void fill_random(const Queue& queue, void* data, DType dtype, std::int64_t count);

// Writes call.sums as the product that computed call.x does, in call.parts parts.
void sum_rows(const Queue& queue, const MatmulCall& call);

// Enqueues the comparison of call.y with the expected product, if y was filled by fill_random
// before (which matters for call.accumulate), and adds the number of wrong elements to *wrong, in
// device memory. Ignores call.norm: x is the product's input.
void check_product(const Queue& queue, const MatmulCall& call, unsigned* wrong);

}  // namespace quantring::cuda
