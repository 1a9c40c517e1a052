#pragma once
// The gradient of log p(y) with respect to the residual stream before every half-block: how much
// each direction of the stream matters to the answer. No gradient of a weight is computed.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "engine/calibration/attention_backward.h"
#include "engine/calibration/gradient_weights.h"
#include "engine/calibration/head_gradient.h"
#include "engine/model/model_file.h"
#include "engine/stage/stage_weights.h"
#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

class ActivationGradients {
 public:
  // context: the CPU; it must outlive this object. Loads the whole model twice, once for each way,
  // and keeps the streams before all half-blocks for max_images. Throws Error.
  ActivationGradients(Context& context, const ModelFile& model, int max_images);
  ActivationGradients(const ActivationGradients&) = delete;
  ActivationGradients& operator=(const ActivationGradients&) = delete;

  // cut: the half-block that reads the stream next. x: [images, tokens, dim], the bits that a Stage
  // which ends there gives; g: the gradient, of the same shape.
  using Visit = std::function<void(int cut, std::span<const float> x, std::span<const float> g)>;

  // pixels: u8 [images, channels, height, width], up to max_images. y of image i is drawn from the
  // model's own answer with seed + i; log p(y) of independent classes is the sum over them. Visits
  // the cuts half_blocks() - 1 to 1, in that order; x and g are valid until `visit` returns. The
  // results do not depend on the batch or the number of threads.
  void run(std::span<const std::byte> pixels, int images, std::uint64_t seed, const Visit& visit);

 private:
  std::int64_t rows() const { return images_ * architecture_.tokens(); }
  Tensor stream(std::size_t half) const;  // before this half-block, or behind the last one
  Tensor gradient() const;                // of the present stream
  Tensor activations(const Buffer& memory, std::int64_t columns) const;

  void embed(std::span<const std::byte> pixels);
  void forward(std::size_t half);
  void backward(std::size_t half);
  void attention_backward(std::size_t half);
  void mlp_backward(std::size_t half);
  void normed_qkv(const AttentionHalf& half, Tensor qkv);
  void qk_norm_backward(const AttentionHalf& half, Tensor qkv_gradient);
  void norm_backward(const NormLinear& layer, std::size_t half, ConstTensor output_gradient);

  Context& context_;
  Architecture architecture_;
  int max_images_;
  std::int64_t images_ = 0;  // in the present batch
  StageWeights weights_;
  GradientWeights gradient_weights_;
  HeadGradient head_;
  AttentionBackward attention_;
  Buffer residual_scratch_, attention_scratch_;
  // f32, for max_images:
  Buffer streams_;               // [half_blocks + 1, images, tokens, dim]
  Buffer gradient_;              // [images, tokens, dim]
  Buffer narrow_;                // [images, tokens, dim], norm(x), attention(qkv), or a gradient
  Buffer wide_, wide_gradient_;  // [images, tokens, 3 dim or mlp_dim]; the patches' pixels
  Buffer raw_qkv_;               // with qk_norm: before it
};

}  // namespace quantring
