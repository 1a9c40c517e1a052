#pragma once
#include "ops/linear.h"

namespace quantring::cpu {

// Arguments as in ops/linear.h, already checked. rows: product of x's leading dimensions.
void linear(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
            Activation activation, float* y);
void linear_residual(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
                     float* y);

}  // namespace quantring::cpu
