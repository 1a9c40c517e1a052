#pragma once
// The activations in kernels, exact up to rounding in f32.

#include "ops/linear.h"

namespace quantring::cuda {

__device__ inline float activated(Activation activation, float x) {
  switch (activation) {
    case Activation::gelu_erf:
      return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
    case Activation::gelu_tanh:
      return 0.5f * x * (1.0f + tanhf(0.79788456080286536f * (x + 0.044715f * x * x * x)));
    case Activation::gelu_quick:
      return x / (1.0f + expf(-1.702f * x));
    case Activation::none:
      break;
  }
  return x;
}

}  // namespace quantring::cuda
