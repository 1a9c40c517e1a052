#pragma once
// From pixels to tokens: the two memory-bound halves of the patch embedding around its matrix
// product (Dosovitskiy et al. 2021).

#include <span>

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

inline constexpr std::int64_t max_channels = 4;

// patches[images * patches, channels * patch_h * patch_w] activations = ((pixel / 255) - mean[c]) /
// std[c] for u8 pixels [images, channels, height, width]; f32 pixels are taken as normalised
// already and only rearranged. Patches run row by row; within a patch, channel then row then column
// (the layout of a convolution's weight). height and width must be multiples of the patch; at most
// max_channels channels.
void extract_patches(Context& context, ConstTensor pixels, std::int64_t patch_h,
                     std::int64_t patch_w, std::span<const float> mean, std::span<const float> std,
                     Tensor patches);

// tokens[images, prefix + patches, dim] = concat(prefix_tokens[prefix, dim], embedded[images,
// patches, dim])
// + position[prefix + patches, dim]. tokens: the residual stream; embedded: activations;
// prefix_tokens: [prefix, dim] f32 or no data for none; position: f32.
void assemble_tokens(Context& context, ConstTensor embedded, ConstTensor prefix_tokens,
                     ConstTensor position, Tensor tokens);

// kept[count, images, dim] = the first `count` tokens of each image of tokens[images, tokens, dim];
// both of the residual dtype, or both activations. count: from kept's shape.
void keep_first_tokens(Context& context, ConstTensor tokens, Tensor kept);

// pooled[images, dim] = tokens[:, index, :], e.g. the class token; both of the residual dtype, or
// both activations
void pool_token(Context& context, ConstTensor tokens, std::int64_t index, Tensor pooled);

// pooled[images, dim] = mean over tokens from index `first` on; both of the residual dtype, or both
// activations
void pool_average(Context& context, ConstTensor tokens, std::int64_t first, Tensor pooled);

}  // namespace quantring
