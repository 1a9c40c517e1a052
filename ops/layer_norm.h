#pragma once
// Layer normalisation (Ba et al. 2016) over the last dimension, biased variance.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// y[rows, dim] = (x - mean) / sqrt(var + eps) * gamma + beta; x, y: f32; gamma, beta: [dim] f32.
// y may be x.
void layer_norm(Context& context, ConstTensor x, ConstTensor gamma, ConstTensor beta, float eps,
                Tensor y);

}  // namespace quantring
