#include "engine/stage/stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "ops/attention.h"
#include "ops/base/error.h"
#include "ops/embed.h"
#include "ops/layer_norm.h"

namespace quantring {
namespace {

int checked(int max_images) {
  if (max_images < 1) throw Error("a stage needs room for at least 1 image");
  return max_images;
}

}  // namespace

Stage::Stage(Context& context, const ModelFile& model, StageRange range, int max_images)
    : context_(context),
      architecture_(model.architecture()),
      range_(range),
      max_images_(checked(max_images)),
      weights_(load_stage_weights(context, model, range)),
      act_(context, architecture_, range, max_images) {}

// --- The forward pass ---

// x = [prefix, patches E] + position
void Stage::embed(ConstTensor pixels) {
  const Architecture& a = architecture_;
  const StageWeights& w = weights_;
  const std::int64_t images = pixels.shape[0];
  const Tensor patches = activations(act_.wide, {images * a.patches(), w.patch_embedding.in()});
  const Tensor embedded = activations(act_.normed, {images, a.patches(), a.dim});
  const Tensor x = residual(static_cast<int>(images));

  extract_patches(context_, pixels, a.patch_height, a.patch_width, w.mean, w.std, patches);
  linear(context_, patches, w.patch_embedding, Activation::none, embedded);
  assemble_tokens(context_, embedded, w.prefix, w.position, x);
  if (a.embed_norm) layer_norm(context_, x, w.embed_norm.gamma, w.embed_norm.beta, a.norm_eps, x);
  saw("embed", x);
}

void Stage::blocks(int images) {
  Residual x(residual(images), act_.residual_scratch);
  for (const HalfBlock& half : weights_.halves) {
    if (half.attention) attention_half(*half.attention, half.block, x);
    if (half.mlp) mlp_half(*half.mlp, half.block, x);
  }
  if (last()) head(x);
}

// x = x + proj(attention(qkv(norm(x))))
void Stage::attention_half(const AttentionHalf& half, int block, Residual& x) {
  const Architecture& a = architecture_;
  const std::int64_t images = x.tensor().shape[0];
  const Tensor normed = activations(act_.normed, {images, a.tokens(), a.dim});
  const Tensor qkv = activations(act_.wide, {images, a.tokens(), 3 * a.dim});
  Tensor attended = normed;

  norm_linear(context_, x, half.qkv, normed, qkv);
  if (a.qk_norm) {
    qk_norm(context_, qkv, a.heads, half.q_norm.gamma, half.q_norm.beta, half.k_norm.gamma,
            half.k_norm.beta, a.norm_eps);
  }
  saw("attn.qkv", qkv, block);
  attention(context_, qkv, a.heads, act_.attention_scratch, attended);
  saw("attn.out", attended, block);
  keep_head_tokens(block, x, &attended);
  linear_residual(context_, attended, half.proj, x);
  saw("attn.residual", x.tensor(), block);
}

// x = x + fc2(gelu(fc1(norm(x))))
void Stage::mlp_half(const MlpHalf& half, int block, Residual& x) {
  keep_head_tokens(block, x);
  const Shape shape = x.tensor().shape;
  const Tensor normed = activations(act_.normed, shape);
  const Tensor hidden = activations(act_.wide, {shape[0], shape[1], architecture_.mlp_dim});

  norm_linear(context_, x, half.fc1, normed, hidden);
  saw("mlp.hidden", hidden, block);
  linear_residual(context_, hidden, half.fc2, x);
  saw("mlp.residual", x.tensor(), block);
}

// Behind the last attention no token reads another one, so all but the head's tokens are dropped:
// x and attended become [head tokens, images, dim].
void Stage::keep_head_tokens(int block, Residual& x, Tensor* attended) {
  const bool dropped = x.tensor().data == act_.kept.data();
  const int tokens = head_tokens(architecture_);
  if (!last() || block != architecture_.depth - 1 || tokens == 0 || dropped) return;
  const Shape shape{tokens, x.tensor().shape[0], architecture_.dim};
  if (attended != nullptr) {
    const Tensor kept = activations(act_.head_input, shape);
    keep_first_tokens(context_, *attended, kept);
    *attended = kept;
  }
  const Tensor kept{act_.kept.data(), context_.residual_dtype(), shape};
  keep_first_tokens(context_, x.tensor(), kept);
  x.replace(kept);
}

// logits = head(pool(norm(x))); with two heads, the sum of theirs
void Stage::head(const Residual& x) {
  constexpr std::int64_t class_token = 0, distillation_token = 1;
  const Pooling pooling = architecture_.pooling;
  const ConstTensor input =
      pooling == Pooling::average ? normed_average(x) : normed_token(x, class_token);
  const std::int64_t images = input.shape[0];
  const Tensor logits{act_.logits.data(), DType::f32, {images, architecture_.classes}};

  linear(context_, input, weights_.head, Activation::none, logits);
  if (pooling == Pooling::class_and_distillation) {  // both loaded with half of their weights
    linear_add(context_, normed_token(x, distillation_token), weights_.second_head, logits);
  } else if (pooling == Pooling::class_and_average) {
    linear_add(context_, normed_average(x), weights_.second_head, logits);
  }
  saw("logits", logits);
}

// norm(x)[index]: [images, dim]. The norm is a token's own, so only this one is normed.
ConstTensor Stage::normed_token(const Residual& x, std::int64_t index) {
  const Architecture& a = architecture_;
  const bool kept = head_tokens(a) > 0;  // x is [head tokens, images, dim]
  const std::int64_t images = x.tensor().shape[kept ? 1 : 0];
  Tensor token{act_.kept.data(), context_.residual_dtype(), {images, a.dim}};
  const Tensor input = activations(act_.head_input, {images, a.dim});

  if (kept) {
    token = x.tensor().part(index);
  } else {
    pool_token(context_, x.tensor(), index, token);
  }
  layer_norm(context_, token, weights_.norm.gamma, weights_.norm.beta, a.norm_eps, input);
  saw("pooled", input);
  return input;
}

// The mean of norm(x) over the patch tokens, or the norm of their mean: [images, dim]
ConstTensor Stage::normed_average(const Residual& x) {
  const Architecture& a = architecture_;
  const Norm& norm = weights_.norm;
  const std::int64_t images = x.tensor().shape[0];
  const Tensor pooled{act_.kept.data(), context_.residual_dtype(), {images, a.dim}};
  const Tensor normed = activations(act_.normed, x.tensor().shape);
  const Tensor input = activations(act_.head_input, {images, a.dim});

  if (a.norm_after_pooling) {
    pool_average(context_, x.tensor(), a.prefix_tokens(), pooled);
    layer_norm(context_, pooled, norm.gamma, norm.beta, a.norm_eps, input);
  } else {
    layer_norm(context_, x.tensor(), norm.gamma, norm.beta, a.norm_eps, normed);
    pool_average(context_, normed, a.prefix_tokens(), input);
  }
  saw("pooled", input);
  return input;
}

// --- What runs it ---

ConstTensor Stage::forward_pixels(ConstTensor pixels) {
  if (!first()) throw std::logic_error("forward_pixels on a stage that does not begin the model");
  const int images = static_cast<int>(pixels.shape[0]);
  residual(images);  // checks the count
  const auto body = [&] {
    embed(pixels);
    blocks(images);
  };
  run({images, pixels.data, pixels.dtype}, std::ref(body));  // by reference: nothing is allocated
  return result(images);
}

ConstTensor Stage::forward_residual(int images) {
  residual(images);  // checks the count
  const auto body = [&] { blocks(images); };
  run({images, nullptr, DType::f32}, std::ref(body));
  return result(images);
}

// For equal inputs a stage calls the same ops on the same memory, so a device may record them once.
void Stage::run(const Input& input, const std::function<void()>& body) {
  if (observer_) return body();
  const auto known = std::find_if(recordings_.begin(), recordings_.end(),
                                  [&](const Recording& r) { return r.input == input; });
  if (known != recordings_.end()) {
    known->graph.run(context_, body);
    return;
  }
  // A caller whose pixels have a new address every time must not fill the memory: drop the oldest.
  if (recordings_.size() == max_recordings) recordings_.erase(recordings_.begin());
  recordings_.push_back({input, {}});
  recordings_.back().graph.run(context_, body);
}

ConstTensor Stage::result(int images) const {
  if (last()) return {act_.logits.data(), DType::f32, {images, architecture_.classes}};
  return {act_.residual.data(),
          context_.residual_dtype(),
          {images, architecture_.tokens(), architecture_.dim}};
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
