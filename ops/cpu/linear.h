#pragma once
#include "ops/linear.h"

namespace quantring::cpu {

// Arguments as in ops/linear.h, already checked. rows: product of x's leading dimensions.
void linear(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
            Activation activation, float* y);
void linear_residual(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
                     float* y);

// [out, in] into the panels that the kernels read (ops/cpu/kernels.h); f16 is widened, then row o
// is multiplied by scale[o], if there is a scale.
Buffer pack_weights(Context& context, const ConstTensor& weight, const float* scale);

// [out] filled up with zeros to whole panels, scaled in the same way; empty for no data.
Buffer pack_bias(Context& context, const ConstTensor& bias, const float* scale);

}  // namespace quantring::cpu
