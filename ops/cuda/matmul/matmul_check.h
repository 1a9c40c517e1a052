#pragma once
// A slow matrix product on the GPU, independent of every engine, at places of chance: a kernel that
// computes something else must never be chosen because it is fast.

#include <cstdint>

#include "ops/cuda/matmul/matmul.h"

namespace quantring::cuda {

// Values of chance with mean 1/2, so that a norm that forgets it shows, and variance 1; the same
// each time.
void fill_random(const Queue& queue, void* data, DType dtype, std::int64_t count);

// Writes call.sums as the product that made call.x leaves them, in call.parts parts.
void sum_rows(const Queue& queue, const MatmulCall& call);

// Enqueues the comparison of call.y with what it must be if its elements were fill_random's before
// (they matter for call.accumulate), and adds the number of wrong ones to *wrong, in device memory.
// call.norm is not looked at: x is the product's input.
void check_product(const Queue& queue, const MatmulCall& call, unsigned* wrong);

}  // namespace quantring::cuda
