#include "engine/stage/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "ops/embed.h"
#include "ops/base/error.h"
#include "ops/layer_norm.h"

namespace quantring {
namespace {

// x[index] of a tensor [n, rows, columns].
Tensor part(const Tensor& x, std::int64_t index) {
  const std::size_t bytes =
      static_cast<std::size_t>(x.shape[1] * x.shape[2]) * dtype_bytes(x.dtype);
  return {static_cast<std::byte*>(x.data) + static_cast<std::size_t>(index) * bytes,
          x.dtype,
          {x.shape[1], x.shape[2]}};
}

}  // namespace

ConstTensor Stage::forward_pixels(ConstTensor pixels) {
  if (!first()) throw std::logic_error("forward_pixels on a stage that does not begin the model");
  const Architecture& a = architecture_;
  const int images = static_cast<int>(pixels.shape[0]);
  residual(images);  // checks the count
  run({images, pixels.data, pixels.dtype}, [&, images] {
    extract_patches(context_, pixels, a.patch_height, a.patch_width, mean_, std_,
                    activations(act_.wide, {images * a.patches(), patch_embedding_.in()}));
    embed(images);
    blocks(images);
  });
  return result(images);
}

ConstTensor Stage::forward_residual(int images) {
  residual(images);  // checks the count
  run({images, nullptr, DType::f32}, [this, images] { blocks(images); });
  return result(images);
}

// For one input a stage always does the same to the same memory, so a device may record it once.
void Stage::run(const Input& input, const std::function<void()>& body) {
  if (observer_) return body();
  const auto known = std::find_if(recordings_.begin(), recordings_.end(),
                                  [&](const Recording& r) { return r.input == input; });
  if (known != recordings_.end()) {
    known->program.run(context_, body);
    return;
  }
  // The oldest goes: a caller whose pixels always lie elsewhere must not fill the memory.
  if (recordings_.size() == most_recordings) recordings_.erase(recordings_.begin());
  recordings_.push_back({input, {}});
  recordings_.back().program.run(context_, body);
}

ConstTensor Stage::result(int images) const {
  if (last()) return {act_.logits.data(), DType::f32, {images, architecture_.classes}};
  return {act_.residual.data(),
          context_.residual_dtype(),
          {images, architecture_.tokens(), architecture_.dim}};
}

// x = patches W^T + b, then the prefix tokens in front, the position embedding added, and a norm
// over it where there is one
void Stage::embed(int images) {
  const Architecture& a = architecture_;
  const std::int64_t patches = images * a.patches();
  const Tensor embedded = activations(act_.normed, {patches, a.dim});
  linear(context_, activations(act_.wide, {patches, patch_embedding_.in()}), patch_embedding_,
         Activation::none, embedded);
  const Tensor x = residual(images);
  assemble_tokens(context_, {embedded.data, embedded.dtype, {images, a.patches(), a.dim}}, prefix_,
                  position_, x);
  if (a.embed_norm) {
    layer_norm(context_, x, embed_norm_.gamma, embed_norm_.beta, a.norm_eps, x);
  }
  saw("embed", x);
}

void Stage::blocks(int images) {
  Tensor x = residual(images);
  RowSums& sums = act_.sums;
  sums.forget();
  for (std::size_t i = 0; i < halves_.size(); ++i) {
    const int block = (range_.begin + static_cast<int>(i)) / 2;
    // Behind the last attention no token looks at another, so only those that the head reads go on.
    const bool narrows = last() && block == architecture_.depth - 1 && head_tokens() > 0;
    sums.reader = nullptr;
    if (i + 1 < halves_.size()) {
      const HalfBlock& next = halves_[i + 1];
      sums.reader = next.is_attention ? &next.attention.qkv : &next.mlp.fc1;
      sums.activation = next.is_attention ? Activation::none : architecture_.activation;
    }
    if (halves_[i].is_attention) {
      Tensor attended = attend(halves_[i].attention, block, images);
      if (narrows) {
        attended = first_tokens(attended, act_.head_input);
        x = first_tokens(x, act_.pooled);
      }
      linear_residual(context_, attended, halves_[i].attention.proj, x, &sums);
      saw("attn.residual", x, block);
    } else {
      if (narrows && x.data == act_.residual.data()) {
        x = first_tokens(x, act_.pooled);
        sums.forget();
      }
      mlp_half(halves_[i].mlp, block, x);
    }
  }
  if (last()) head(images);
}

// How many of an image's tokens the head reads, counted from the first; 0: all.
std::int64_t Stage::head_tokens() const {
  if (architecture_.pooling == Pooling::class_token) return 1;
  return architecture_.pooling == Pooling::class_and_distillation ? 2 : 0;
}

// [head_tokens(), images, dim], in `memory`.
Tensor Stage::first_tokens(const Tensor& tokens, const Buffer& memory) const {
  const std::int64_t images = tokens.shape[0], dim = tokens.shape[2];
  const Tensor chosen{memory.data(), tokens.dtype, {head_tokens(), images, dim}};
  for (std::int64_t i = 0; i < head_tokens(); ++i) pool_token(context_, tokens, i, part(chosen, i));
  return chosen;
}

// attention(qkv(norm(x)))
Tensor Stage::attend(const AttentionHalf& half, int block, int images) {
  const Architecture& a = architecture_;
  const Tensor x = residual(images);
  const Tensor normed = activations(act_.normed, x.shape);
  const Tensor qkv = activations(act_.wide, {images, a.tokens(), 3 * a.dim});

  norm_linear(context_, x, half.norm.gamma, half.norm.beta, a.norm_eps, half.qkv, Activation::none,
              normed, qkv, &act_.sums);
  if (a.qk_norm) {
    qk_norm(context_, qkv, a.heads, half.q_norm.gamma, half.q_norm.beta, half.k_norm.gamma,
            half.k_norm.beta, a.norm_eps);
  }
  saw("attn.qkv", qkv, block);
  const Tensor& attended = normed;
  attention(context_, qkv, a.heads, act_.scratch, attended);
  saw("attn.out", attended, block);
  return attended;
}

// x = x + fc2(gelu(fc1(norm(x))))
void Stage::mlp_half(const MlpHalf& half, int block, const Tensor& x) {
  const Architecture& a = architecture_;
  const Tensor normed = activations(act_.normed, x.shape);
  const Tensor hidden = activations(act_.wide, {x.shape[0], x.shape[1], a.mlp_dim});

  norm_linear(context_, x, half.norm.gamma, half.norm.beta, a.norm_eps, half.fc1, a.activation,
              normed, hidden, &act_.sums);
  saw("mlp.hidden", hidden, block);
  linear_residual(context_, hidden, half.fc2, x, &act_.sums);
  saw("mlp.residual", x, block);
}

// logits = head(pool(norm(x))); with two heads, the sum of theirs
void Stage::head(int images) {
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
  saw("logits", logits);
}

// norm(x)[index]. The norm works on each token alone, so no other needs it.
ConstTensor Stage::normed_token(std::int64_t index, int images) {
  const Architecture& a = architecture_;
  Tensor pooled{act_.pooled.data(), context_.residual_dtype(), {images, a.dim}};
  const Tensor input = activations(act_.head_input, {images, a.dim});
  if (head_tokens() > 0) {  // the blocks left it there
    pooled = part({pooled.data, pooled.dtype, {head_tokens(), images, a.dim}}, index);
  } else {
    pool_token(context_, residual(images), index, pooled);
  }
  layer_norm(context_, pooled, norm_.gamma, norm_.beta, a.norm_eps, input);
  saw("pooled", input);
  return input;
}

// The mean of norm(x) over the patch tokens, or the norm of their mean
ConstTensor Stage::normed_average(int images) {
  const Architecture& a = architecture_;
  const Tensor x = residual(images);
  const Tensor input = activations(act_.head_input, {images, a.dim});
  if (a.norm_after_pooling) {
    const Tensor pooled{act_.pooled.data(), context_.residual_dtype(), {images, a.dim}};
    pool_average(context_, x, a.prefix_tokens(), pooled);
    layer_norm(context_, pooled, norm_.gamma, norm_.beta, a.norm_eps, input);
  } else {
    const Tensor normed = activations(act_.normed, x.shape);
    layer_norm(context_, x, norm_.gamma, norm_.beta, a.norm_eps, normed);
    pool_average(context_, normed, a.prefix_tokens(), input);
  }
  saw("pooled", input);
  return input;
}

Tensor Stage::residual(int images) {
  if (images < 1 || images > max_images_) {
    throw Error(fmt::format("a batch of {} images; this stage was set up for 1 to {}", images,
                            max_images_));
  }
  return {act_.residual.data(),
          context_.residual_dtype(),
          {images, architecture_.tokens(), architecture_.dim}};
}

Tensor Stage::activations(const Buffer& memory, Shape shape) const {
  return {memory.data(), context_.activation_dtype(), shape};
}

void Stage::saw(const char* what, ConstTensor value, int block) const {
  if (!observer_) return;
  observer_(block < 0 ? std::string(what) : fmt::format("blocks.{}.{}", block, what), value);
}

}  // namespace quantring
