#pragma once
// Activations as text, in model files and keys of the autotuner.

#include "ops/linear.h"

namespace quantring {

inline const char* activation_name(Activation activation) {
  switch (activation) {
    case Activation::gelu_erf:
      return "gelu";
    case Activation::gelu_tanh:
      return "gelu_tanh";
    case Activation::gelu_quick:
      return "gelu_quick";
    case Activation::none:
      break;
  }
  return "none";
}

}  // namespace quantring
