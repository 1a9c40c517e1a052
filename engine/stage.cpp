#include "engine/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "ops/embed.h"
#include "ops/error.h"
#include "ops/half.h"
#include "ops/layer_norm.h"

namespace quantring {

ConstTensor Stage::forward_pixels(ConstTensor pixels) {
  if (!first()) throw std::logic_error("forward_pixels on a stage that does not begin the model");
  const int images = static_cast<int>(pixels.shape[0]);
  residual(images);  // checks the count
  embed(pixels);
  return forward_residual(images);
}

ConstTensor Stage::forward_residual(int images) {
  const Tensor x = residual(images);
  for (const HalfBlock& half : halves_) {
    if (half.is_attention) {
      attention_half(half.attention, images);
    } else {
      mlp_half(half.mlp, images);
    }
  }
  return last() ? head(images) : ConstTensor(x);
}

// x = patches W^T + b, then the prefix tokens in front, the position embedding added, and a norm
// over it where there is one
void Stage::embed(ConstTensor pixels) {
  const Architecture& a = architecture_;
  const std::int64_t images = pixels.shape[0];
  const std::int64_t patches = images * a.patches();
  const Tensor patch_values{act_.wide.data(), DType::f32, {patches, patch_embedding_.in()}};
  const Tensor embedded{act_.normed.data(), DType::f32, {patches, a.dim}};

  extract_patches(context_, pixels, a.patch_height, a.patch_width, mean_, std_, patch_values);
  linear(context_, patch_values, patch_embedding_, Activation::none, embedded);
  const Tensor x = residual(static_cast<int>(images));
  assemble_tokens(context_, {embedded.data, DType::f32, {images, a.patches(), a.dim}}, prefix_,
                  position_, x);
  if (a.embed_norm) {
    layer_norm(context_, x, embed_norm_.gamma, embed_norm_.beta, a.norm_eps, x);
  }
}

// x = x + proj(attention(qkv(norm(x))))
void Stage::attention_half(const AttentionHalf& half, int images) {
  const Architecture& a = architecture_;
  const std::int64_t rows = std::int64_t{images} * a.tokens();
  const Tensor x{act_.residual.data(), DType::f32, {rows, a.dim}};
  const Tensor normed{act_.normed.data(), DType::f32, {rows, a.dim}};
  const Tensor qkv{act_.wide.data(), DType::f32, {rows, 3 * a.dim}};
  const ConstTensor qkv_by_image{qkv.data, DType::f32, {images, a.tokens(), 3 * a.dim}};
  const Tensor attended{act_.normed.data(), DType::f32, {images, a.tokens(), a.dim}};

  layer_norm(context_, x, half.norm.gamma, half.norm.beta, a.norm_eps, normed);
  linear(context_, normed, half.qkv, Activation::none, qkv);
  if (a.qk_norm) {
    qk_norm(context_, qkv, a.heads, half.q_norm.gamma, half.q_norm.beta, half.k_norm.gamma,
            half.k_norm.beta, a.norm_eps);
  }
  attention(context_, qkv_by_image, a.heads, act_.scratch, attended);
  linear_residual(context_, normed, half.proj, x);
}

// x = x + fc2(gelu(fc1(norm(x))))
void Stage::mlp_half(const MlpHalf& half, int images) {
  const Architecture& a = architecture_;
  const std::int64_t rows = std::int64_t{images} * a.tokens();
  const Tensor x{act_.residual.data(), DType::f32, {rows, a.dim}};
  const Tensor normed{act_.normed.data(), DType::f32, {rows, a.dim}};
  const Tensor hidden{act_.wide.data(), DType::f32, {rows, a.mlp_dim}};

  layer_norm(context_, x, half.norm.gamma, half.norm.beta, a.norm_eps, normed);
  linear(context_, normed, half.fc1, a.activation, hidden);
  linear_residual(context_, hidden, half.fc2, x);
}

// logits = head(pool(norm(x))); with two heads, the sum of theirs
ConstTensor Stage::head(int images) {
  const Tensor logits{act_.logits.data(), DType::f32, {images, architecture_.classes}};
  // The prefix: class token, distillation token, registers.
  constexpr std::int64_t class_token = 0, distillation_token = 1;
  switch (architecture_.pooling) {
    case Pooling::class_token:
      linear(context_, normed_token(class_token, images), head_, Activation::none, logits);
      break;
    case Pooling::average:
      linear(context_, normed_average(images), head_, Activation::none, logits);
      break;
    case Pooling::class_and_distillation:  // both heads were loaded with half of their weights
      linear(context_, normed_token(class_token, images), head_, Activation::none, logits);
      linear_residual(context_, normed_token(distillation_token, images), second_head_, logits);
      break;
    case Pooling::class_and_average:
      linear(context_, normed_token(class_token, images), head_, Activation::none, logits);
      linear_residual(context_, normed_average(images), second_head_, logits);
      break;
  }
  return logits;
}

// norm(x)[index]. The norm works on each token alone, so no other needs it.
ConstTensor Stage::normed_token(std::int64_t index, int images) {
  const Tensor pooled{act_.pooled.data(), DType::f32, {images, architecture_.dim}};
  pool_token(context_, residual(images), index, pooled);
  layer_norm(context_, pooled, norm_.gamma, norm_.beta, architecture_.norm_eps, pooled);
  return pooled;
}

// The mean of norm(x) over the patch tokens, or the norm of their mean
ConstTensor Stage::normed_average(int images) {
  const Architecture& a = architecture_;
  const Tensor x = residual(images);
  const Tensor normed{act_.normed.data(), DType::f32, x.shape};
  const Tensor pooled{act_.pooled.data(), DType::f32, {images, a.dim}};
  if (a.norm_after_pooling) {
    pool_average(context_, x, a.prefix_tokens(), pooled);
    layer_norm(context_, pooled, norm_.gamma, norm_.beta, a.norm_eps, pooled);
  } else {
    layer_norm(context_, x, norm_.gamma, norm_.beta, a.norm_eps, normed);
    pool_average(context_, normed, a.prefix_tokens(), pooled);
  }
  return pooled;
}

Tensor Stage::residual(int images) {
  if (images < 1 || images > max_images_) {
    throw Error(fmt::format("a batch of {} images; this stage was set up for 1 to {}", images,
                            max_images_));
  }
  return {act_.residual.data(), DType::f32, {images, architecture_.tokens(), architecture_.dim}};
}

}  // namespace quantring
