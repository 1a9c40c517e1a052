#include "engine/calibration/head_gradient.h"

#include <algorithm>
#include <span>

#include "engine/calibration/backward_rows.h"
#include "engine/calibration/label_draw.h"
#include "ops/embed.h"
#include "ops/layer_norm.h"

namespace quantring {
namespace {

Buffer floats(Context& context, std::int64_t count) {
  return Buffer(context, static_cast<std::size_t>(count) * sizeof(float));
}

}  // namespace

HeadGradient::HeadGradient(Context& context, const Architecture& a, const StageWeights& weights,
                           const GradientWeights& gradient_weights, bool independent_classes,
                           int max_images)
    : context_(context),
      architecture_(a),
      weights_(weights),
      gradient_weights_(gradient_weights),
      independent_classes_(independent_classes),
      normed_(floats(context, std::int64_t{max_images} * a.tokens() * a.dim)),
      pooled_(floats(context, std::int64_t{max_images} * a.dim)),
      input_(floats(context, std::int64_t{max_images} * a.dim)),
      logits_(floats(context, std::int64_t{max_images} * a.classes)) {}

std::vector<HeadGradient::Part> HeadGradient::parts() const {
  const Pooling pooling = architecture_.pooling;
  std::vector<Part> parts{
      {&weights_.head, &gradient_weights_.head, pooling == Pooling::average ? average : 0}};
  if (architecture_.has_second_head()) {
    parts.push_back({&weights_.second_head, &gradient_weights_.second_head,
                     pooling == Pooling::class_and_average ? average : 1});
  }
  return parts;
}

bool HeadGradient::norm_after_pooling() const {
  return architecture_.pooling == Pooling::average && architecture_.norm_after_pooling;
}

void HeadGradient::run(ConstTensor x, std::uint64_t seed, Tensor gradient) {
  const Tensor logits{logits_.data(), DType::f32, {x.shape[0], architecture_.classes}};
  forward(x, logits);
  draw(seed, logits);
  backward(x, logits, gradient);
}

void HeadGradient::forward(ConstTensor x, Tensor logits) {
  const Architecture& a = architecture_;
  const Tensor normed{normed_.data(), DType::f32, x.shape};
  const Tensor pooled{pooled_.data(), DType::f32, {x.shape[0], a.dim}};
  const Tensor input{input_.data(), DType::f32, {x.shape[0], a.dim}};
  if (norm_after_pooling()) {
    pool_average(context_, x, a.prefix_tokens(), pooled);
    layer_norm(context_, pooled, weights_.norm.gamma, weights_.norm.beta, a.norm_eps, input);
    linear(context_, input, weights_.head, Activation::none, logits);
    return;
  }
  layer_norm(context_, x, weights_.norm.gamma, weights_.norm.beta, a.norm_eps, normed);
  for (const Part& part : parts()) {
    if (part.token == average) {
      pool_average(context_, normed, a.prefix_tokens(), input);
    } else {
      pool_token(context_, normed, part.token, input);
    }
    if (part.forward == &weights_.head) {
      linear(context_, input, *part.forward, Activation::none, logits);
    } else {
      linear_add(context_, input, *part.forward, logits);
    }
  }
}

// The gradient of log p(y) with respect to the logits is y - p, with softmax and sigmoid alike.
void HeadGradient::draw(std::uint64_t seed, Tensor logits) const {
  const auto classes = static_cast<std::size_t>(architecture_.classes);
  for (std::size_t image = 0; image < static_cast<std::size_t>(logits.shape[0]); ++image) {
    const std::span<float> row(logits.f32() + image * classes, classes);
    const std::vector<double> probabilities = class_probabilities(row, independent_classes_);
    const std::vector<float> labels =
        draw_labels(probabilities, independent_classes_, seed + image);
    for (std::size_t i = 0; i < classes; ++i) {
      row[i] = static_cast<float>(static_cast<double>(labels[i]) - probabilities[i]);
    }
  }
}

void HeadGradient::backward(ConstTensor x, ConstTensor logits_gradient, Tensor gradient) {
  const Tensor input{input_.data(), DType::f32, {x.shape[0], architecture_.dim}};
  const Tensor normed{normed_.data(), DType::f32, x.shape};
  if (norm_after_pooling()) {
    const Tensor pooled{pooled_.data(), DType::f32, input.shape};
    linear(context_, logits_gradient, gradient_weights_.head, Activation::none, input);
    norm_backward(pooled, input, input);
    std::fill_n(gradient.f32(), gradient.shape.elements(), 0.0f);
    spread(input, average, gradient);
    return;
  }
  std::fill_n(normed.f32(), normed.shape.elements(), 0.0f);
  for (const Part& part : parts()) {
    linear(context_, logits_gradient, *part.backward, Activation::none, input);
    spread(input, part.token, normed);
  }
  norm_backward(x, normed, gradient);
}

// Adds the gradient of the pooled token [images, dim] to the tokens' [images, tokens, dim].
void HeadGradient::spread(ConstTensor pooled, int token, Tensor tokens) const {
  const Architecture& a = architecture_;
  const std::int64_t first = token == average ? a.prefix_tokens() : token;
  const std::int64_t count = token == average ? a.patches() : 1;
  const float share = 1.0f / static_cast<float>(count);
  for (std::int64_t image = 0; image < pooled.shape[0]; ++image) {
    const float* const source = pooled.f32() + image * a.dim;
    for (std::int64_t t = first; t < first + count; ++t) {
      float* const target = tokens.f32() + (image * a.tokens() + t) * a.dim;
      for (std::int64_t i = 0; i < a.dim; ++i) target[i] += share * source[i];
    }
  }
}

void HeadGradient::norm_backward(ConstTensor x, ConstTensor output_gradient,
                                 Tensor gradient) const {
  const std::int64_t dim = architecture_.dim;
  layer_norm_backward(context_.pool(), {.x = x.f32(),
                                        .gamma = weights_.norm.gamma.tensor().f32(),
                                        .eps = architecture_.norm_eps,
                                        .rows = x.shape.elements() / dim,
                                        .dim = dim,
                                        .stride = dim,
                                        .output_gradient = output_gradient.f32(),
                                        .input_gradient = gradient.f32(),
                                        .add = false});
}

}  // namespace quantring
