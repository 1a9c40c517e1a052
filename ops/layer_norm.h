#pragma once
// Layer normalisation (Ba et al. 2016) over the last dimension, biased variance.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// y[rows, dim] = (x - mean) / sqrt(var + eps) * gamma + beta; gamma, beta: [dim] f32. x: the
// context's residual stream or its activations; y: activations, or x itself.
void layer_norm(Context& context, ConstTensor x, ConstTensor gamma, ConstTensor beta, float eps,
                Tensor y);

}  // namespace quantring
