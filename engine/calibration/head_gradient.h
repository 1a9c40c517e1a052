#pragma once
// The end of a model and the beginning of the way back: from the last residual stream to an answer,
// a label drawn from it, and the gradient of its log probability.

#include <cstdint>
#include <vector>

#include "engine/calibration/gradient_weights.h"
#include "engine/model/architecture.h"
#include "engine/stage/stage_weights.h"
#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

class HeadGradient {
 public:
  // All of these must outlive this object.
  HeadGradient(Context& context, const Architecture& architecture, const StageWeights& weights,
               const GradientWeights& gradient_weights, bool independent_classes, int max_images);

  // x: [images, tokens, dim], behind the last block; gradient: of its shape. The label of image i
  // is drawn with seed + i.
  void run(ConstTensor x, std::uint64_t seed, Tensor gradient);

 private:
  struct Part {  // the logits are the sum of the parts' ones
    const Linear *forward, *backward;
    int token;  // which one it reads; `average`: the mean of the patch tokens
  };
  static constexpr int average = -1;
  std::vector<Part> parts() const;
  bool norm_after_pooling() const;

  void forward(ConstTensor x, Tensor logits);
  void draw(std::uint64_t seed, Tensor logits) const;
  void backward(ConstTensor x, ConstTensor logits_gradient, Tensor gradient);
  void spread(ConstTensor pooled, int token, Tensor tokens) const;
  void norm_backward(ConstTensor x, ConstTensor output_gradient, Tensor gradient) const;

  Context& context_;
  const Architecture& architecture_;
  const StageWeights& weights_;
  const GradientWeights& gradient_weights_;
  bool independent_classes_;
  Buffer normed_;          // [images, tokens, dim], norm(x), then its gradient
  Buffer pooled_, input_;  // [images, dim], of the tokens; what the head reads, then its gradient
  Buffer logits_;          // [images, classes], then their gradient
};

}  // namespace quantring
