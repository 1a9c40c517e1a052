#include "ops/embed.h"

#include <stdexcept>

#include "ops/backend.h"
#include "ops/base/error.h"
#include "ops/check.h"

namespace quantring {
namespace {

// tokens is [images, tokens, dim] with at least one token; pooled is [images, dim]; both
// activations or both of the residual dtype.
TokenShape check_pooling(const char* op, const Context& context, const ConstTensor& tokens,
                         std::int64_t first, const Tensor& pooled) {
  const DType activation = context.activation_dtype();
  const DType dtype = tokens.dtype == activation ? activation : context.residual_dtype();
  if (tokens.shape.rank() != 3 || first < 0 || tokens.shape[1] <= first) {
    check::fail(op, "tokens", tokens,
                "f32 [images, tokens, dim], more than " + std::to_string(first) + " tokens");
  }
  check::exact(op, "tokens", tokens, dtype, tokens.shape);
  check::exact(op, "pooled", pooled, dtype, {tokens.shape[0], tokens.shape[2]});
  return {tokens.shape[0], first, tokens.shape[1], tokens.shape[2]};
}

}  // namespace

void extract_patches(Context& context, ConstTensor pixels, std::int64_t patch_h,
                     std::int64_t patch_w, std::span<const float> mean, std::span<const float> std,
                     Tensor patches) {
  constexpr const char* op = "extract_patches";
  if (pixels.shape.rank() != 4) {
    check::fail(op, "pixels", pixels, "[images, channels, height, width]");
  }
  const std::int64_t images = pixels.shape[0], channels = pixels.shape[1];
  const std::int64_t height = pixels.shape[2], width = pixels.shape[3];
  if (patch_h < 1 || patch_w < 1 || height % patch_h != 0 || width % patch_w != 0) {
    throw Error("extract_patches: images of " + std::to_string(height) + " x " +
                std::to_string(width) + " do not divide into patches of " +
                std::to_string(patch_h) + " x " + std::to_string(patch_w));
  }
  check::exact(op, "patches", patches, context.activation_dtype(),
               {images * (height / patch_h) * (width / patch_w), channels * patch_h * patch_w});
  const PatchShape shape{images, channels, height, width, patch_h, patch_w};
  if (pixels.dtype == DType::f32) {
    check::exact(op, "pixels", pixels, DType::f32, pixels.shape);
    context.backend().extract_patches(pixels, shape, {}, {}, patches);
    return;
  }
  check::exact(op, "pixels", pixels, DType::u8, pixels.shape);
  if (channels > max_channels) {
    throw Error("extract_patches: images of " + std::to_string(channels) + " channels, at most " +
                std::to_string(max_channels) + " are supported");
  }
  if (std::ssize(mean) != channels || std::ssize(std) != channels) {
    throw std::invalid_argument("extract_patches: " + std::to_string(mean.size()) + " means and " +
                                std::to_string(std.size()) + " deviations for pixels " +
                                pixels.shape.text());
  }
  context.backend().extract_patches(pixels, shape, mean, std, patches);
}

void assemble_tokens(Context& context, ConstTensor embedded, ConstTensor prefix_tokens,
                     ConstTensor position, Tensor tokens) {
  constexpr const char* op = "assemble_tokens";
  if (tokens.shape.rank() != 3) check::fail(op, "tokens", tokens, "f32 [images, tokens, dim]");
  const std::int64_t images = tokens.shape[0], per_image = tokens.shape[1], dim = tokens.shape[2];
  std::int64_t prefix = 0;
  if (prefix_tokens.data != nullptr) {
    prefix = check::rows(op, "prefix_tokens", prefix_tokens, DType::f32, dim);
    if (prefix > per_image) {
      check::fail(op, "prefix_tokens", prefix_tokens, "no more tokens than " + tokens.shape.text());
    }
  }
  const std::int64_t patches = per_image - prefix;
  check::exact(op, "tokens", tokens, context.residual_dtype(), {images, per_image, dim});
  if (check::rows(op, "embedded", embedded, context.activation_dtype(), dim) != images * patches) {
    check::fail(op, "embedded", embedded,
                "f32 " + Shape{images, patches, dim}.text() + " for tokens " + tokens.shape.text());
  }
  if (check::rows(op, "position", position, DType::f32, dim) != per_image) {
    check::fail(op, "position", position, "f32 " + Shape{per_image, dim}.text());
  }
  context.backend().assemble_tokens(embedded, prefix_tokens, position,
                                    {images, prefix, per_image, dim}, tokens);
}

void keep_first_tokens(Context& context, ConstTensor tokens, Tensor kept) {
  if (kept.shape.rank() != 3) {
    check::fail("keep_first_tokens", "kept", kept, "[count, images, dim]");
  }
  for (std::int64_t i = 0; i < kept.shape[0]; ++i) pool_token(context, tokens, i, kept.part(i));
}

void pool_token(Context& context, ConstTensor tokens, std::int64_t index, Tensor pooled) {
  const TokenShape shape = check_pooling("pool_token", context, tokens, index, pooled);
  context.backend().pool_token(tokens, shape, pooled);
}

void pool_average(Context& context, ConstTensor tokens, std::int64_t first, Tensor pooled) {
  const TokenShape shape = check_pooling("pool_average", context, tokens, first, pooled);
  context.backend().pool_average(tokens, shape, pooled);
}

}  // namespace quantring
