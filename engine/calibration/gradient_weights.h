#pragma once
// The weights of a model's layers for the way back: a layer y = x W' + b has dx = dy W.

#include <vector>

#include "engine/model/model_file.h"
#include "ops/context.h"
#include "ops/linear.h"

namespace quantring {

struct GradientWeights {
  struct Half {
    Linear last;   // of attn.proj or mlp.fc2, LayerScale folded in
    Linear first;  // of attn.qkv or mlp.fc1
  };
  std::vector<Half> halves;  // of the whole model
  Linear head, second_head;  // of two heads' mean each has half of it
};

// Throws Error.
GradientWeights load_gradient_weights(Context& context, const ModelFile& model);

}  // namespace quantring
