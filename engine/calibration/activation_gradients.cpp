#include "engine/calibration/activation_gradients.h"

#include <algorithm>
#include <stdexcept>

#include "engine/calibration/backward_rows.h"
#include "ops/attention.h"
#include "ops/base/error.h"
#include "ops/embed.h"
#include "ops/layer_norm.h"

namespace quantring {
namespace {

Context& checked(Context& context, int max_images) {
  if (context.device().kind != Device::Kind::cpu) {
    throw std::invalid_argument("gradients are computed on the CPU");
  }
  if (max_images < 1) throw Error("gradients need room for at least 1 image");
  return context;
}

std::int64_t wide_values(const Architecture& a) {  // of one image
  const std::int64_t pixels = std::int64_t{a.channels} * a.image_height * a.image_width;
  return std::max(pixels, std::int64_t{a.tokens()} * std::max(3 * a.dim, a.mlp_dim));
}

}  // namespace

ActivationGradients::ActivationGradients(Context& context, const ModelFile& model, int max_images)
    : context_(checked(context, max_images)),
      architecture_(model.architecture()),
      max_images_(max_images),
      weights_(load_stage_weights(context, model, {0, architecture_.half_blocks()})),
      gradient_weights_(load_gradient_weights(context, model)),
      head_(context, architecture_, weights_, gradient_weights_, model.independent_classes(),
            max_images),
      attention_(context, architecture_.tokens(), architecture_.dim, architecture_.heads) {
  const Architecture& a = architecture_;
  const std::int64_t images = max_images, values = std::int64_t{a.tokens()} * a.dim;
  const auto floats = [&](std::int64_t each) {
    return Buffer(context, static_cast<std::size_t>(images * each) * sizeof(float));
  };
  residual_scratch_ = Buffer(context, residual_scratch_bytes(context, images * a.tokens(), a.dim));
  attention_scratch_ =
      Buffer(context, attention_scratch_bytes(context, images, a.tokens(), a.dim, a.heads));
  streams_ = floats((a.half_blocks() + 1) * values);
  gradient_ = floats(values);
  narrow_ = floats(values);
  wide_ = floats(wide_values(a));
  wide_gradient_ = floats(wide_values(a));
  if (a.qk_norm) raw_qkv_ = floats(3 * values);
}

void ActivationGradients::run(std::span<const std::byte> pixels, int images, std::uint64_t seed,
                              const Visit& visit) {
  const Architecture& a = architecture_;
  const std::size_t each = static_cast<std::size_t>(a.channels * a.image_height * a.image_width);
  if (images < 1 || images > max_images_ ||
      pixels.size() != static_cast<std::size_t>(images) * each) {
    throw std::invalid_argument("ActivationGradients: pixels");
  }
  images_ = images;
  const std::size_t halves = weights_.halves.size();
  embed(pixels);
  for (std::size_t half = 0; half < halves; ++half) forward(half);
  head_.run(stream(halves), seed, gradient());
  for (std::size_t half = halves - 1; half > 0; --half) {
    backward(half);
    const auto count = static_cast<std::size_t>(gradient().shape.elements());
    visit(static_cast<int>(half), {stream(half).f32(), count}, {gradient().f32(), count});
  }
}

// --- The forward pass: the same ops as a Stage's (engine/stage/stage.cpp), for all tokens ---

void ActivationGradients::embed(std::span<const std::byte> pixels) {
  const Architecture& a = architecture_;
  const StageWeights& w = weights_;
  const ConstTensor bytes{
      pixels.data(), DType::u8, {images_, a.channels, a.image_height, a.image_width}};
  const Tensor patches{wide_.data(), DType::f32, {images_ * a.patches(), w.patch_embedding.in()}};
  const Tensor embedded{narrow_.data(), DType::f32, {images_, a.patches(), a.dim}};
  const Tensor x = stream(0);
  extract_patches(context_, bytes, a.patch_height, a.patch_width, w.mean, w.std, patches);
  linear(context_, patches, w.patch_embedding, Activation::none, embedded);
  assemble_tokens(context_, embedded, w.prefix, w.position, x);
  if (a.embed_norm) layer_norm(context_, x, w.embed_norm.gamma, w.embed_norm.beta, a.norm_eps, x);
}

void ActivationGradients::forward(std::size_t half) {
  const Architecture& a = architecture_;
  const HalfBlock& weights = weights_.halves[half];
  const Tensor before = stream(half), narrow = activations(narrow_, a.dim);
  std::copy_n(before.f32(), before.shape.elements(), stream(half + 1).f32());
  Residual x(stream(half + 1), residual_scratch_);
  if (weights.attention) {
    const Tensor qkv = activations(wide_, 3 * a.dim);
    norm_linear(context_, x, weights.attention->qkv, narrow, qkv);
    normed_qkv(*weights.attention, qkv);
    attention(context_, qkv, a.heads, attention_scratch_, narrow);
    linear_residual(context_, narrow, weights.attention->proj, x);
  } else {
    const Tensor hidden = activations(wide_, a.mlp_dim);
    norm_linear(context_, x, weights.mlp->fc1, narrow, hidden);
    linear_residual(context_, hidden, weights.mlp->fc2, x);
  }
}

void ActivationGradients::normed_qkv(const AttentionHalf& half, Tensor qkv) {
  if (!architecture_.qk_norm) return;
  qk_norm(context_, qkv, architecture_.heads, half.q_norm.gamma, half.q_norm.beta,
          half.k_norm.gamma, half.k_norm.beta, architecture_.norm_eps);
}

// --- The way back: what a half-block computed inside is computed again from its stream ---

// The gradient of the stream behind the half becomes that of the stream before it.
void ActivationGradients::backward(std::size_t half) {
  if (weights_.halves[half].attention) {
    attention_backward(half);
  } else {
    mlp_backward(half);
  }
}

// x + proj(attention(qkv(norm(x))))
void ActivationGradients::attention_backward(std::size_t index) {
  const Architecture& a = architecture_;
  const AttentionHalf& half = *weights_.halves[index].attention;
  const GradientWeights::Half& back = gradient_weights_.halves[index];
  const Tensor narrow = activations(narrow_, a.dim);
  const Tensor qkv = activations(wide_, 3 * a.dim);
  const Tensor qkv_gradient = activations(wide_gradient_, 3 * a.dim);

  norm_linear(context_, Residual(stream(index), residual_scratch_), half.qkv, narrow, qkv);
  if (a.qk_norm) std::copy_n(qkv.f32(), qkv.shape.elements(), static_cast<float*>(raw_qkv_.data()));
  normed_qkv(half, qkv);
  linear(context_, gradient(), back.last, Activation::none, narrow);
  attention_.run(qkv.f32(), narrow.f32(), images_, qkv_gradient.f32());
  if (a.qk_norm) qk_norm_backward(half, qkv_gradient);
  linear(context_, qkv_gradient, back.first, Activation::none, narrow);
  norm_backward(half.qkv, index, narrow);
}

// x + fc2(gelu(fc1(norm(x))))
void ActivationGradients::mlp_backward(std::size_t index) {
  const Architecture& a = architecture_;
  const MlpHalf& half = *weights_.halves[index].mlp;
  const GradientWeights::Half& back = gradient_weights_.halves[index];
  const Tensor narrow = activations(narrow_, a.dim);
  const Tensor hidden = activations(wide_, a.mlp_dim);
  const Tensor hidden_gradient = activations(wide_gradient_, a.mlp_dim);

  layer_norm(context_, stream(index), half.fc1.gamma(), half.fc1.beta(), a.norm_eps, narrow);
  linear(context_, narrow, half.fc1.linear(), Activation::none, hidden);
  linear(context_, gradient(), back.last, Activation::none, hidden_gradient);
  activation_backward(context_.pool(), a.activation, hidden.f32(), hidden.shape.elements(),
                      hidden_gradient.f32());
  linear(context_, hidden_gradient, back.first, Activation::none, narrow);
  norm_backward(half.fc1, index, narrow);
}

// Queries and keys are rows of head_dim values among those of qkv.
void ActivationGradients::qk_norm_backward(const AttentionHalf& half, Tensor qkv_gradient) {
  const Architecture& a = architecture_;
  const Norm* const norms[] = {&half.q_norm, &half.k_norm};
  for (int part = 0; part < 2; ++part) {
    for (int head = 0; head < a.heads; ++head) {
      const std::int64_t first = std::int64_t{part} * a.dim + std::int64_t{head} * a.head_dim();
      layer_norm_backward(context_.pool(), {.x = static_cast<const float*>(raw_qkv_.data()) + first,
                                            .gamma = norms[part]->gamma.tensor().f32(),
                                            .eps = a.norm_eps,
                                            .rows = rows(),
                                            .dim = a.head_dim(),
                                            .stride = 3 * std::int64_t{a.dim},
                                            .output_gradient = qkv_gradient.f32() + first,
                                            .input_gradient = qkv_gradient.f32() + first,
                                            .add = false});
    }
  }
}

// Adds what came through the half's norm to what went past it.
void ActivationGradients::norm_backward(const NormLinear& layer, std::size_t half,
                                        ConstTensor output_gradient) {
  layer_norm_backward(context_.pool(), {.x = stream(half).f32(),
                                        .gamma = layer.gamma().tensor().f32(),
                                        .eps = layer.eps(),
                                        .rows = rows(),
                                        .dim = architecture_.dim,
                                        .stride = architecture_.dim,
                                        .output_gradient = output_gradient.f32(),
                                        .input_gradient = gradient().f32(),
                                        .add = true});
}

Tensor ActivationGradients::stream(std::size_t half) const {
  const std::size_t each = static_cast<std::size_t>(std::int64_t{max_images_} *
                                                    architecture_.tokens() * architecture_.dim);
  return {static_cast<float*>(streams_.data()) + half * each,
          DType::f32,
          {images_, architecture_.tokens(), architecture_.dim}};
}

Tensor ActivationGradients::gradient() const {
  return activations(gradient_, architecture_.dim);
}

Tensor ActivationGradients::activations(const Buffer& memory, std::int64_t columns) const {
  return {memory.data(), DType::f32, {images_, architecture_.tokens(), columns}};
}

}  // namespace quantring
