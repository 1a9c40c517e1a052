#pragma once
// The memory-bound ops. Arguments as in the ops' headers, already checked; dtypes are f32, f16 or
// bf16.

#include <span>

#include "ops/backend.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

// norm: null pointers for a folded layer, whose weights contain gamma and beta.
void layer_norm(const Queue& queue, const void* x, DType x_dtype, NormWeights norm, float eps,
                std::int64_t rows, std::int64_t dim, void* y, DType y_dtype);

// In place; exact erf, tanh or sigmoid forms.
void activate(const Queue& queue, Activation activation, void* y, DType dtype, std::int64_t count);

void extract_patches(const Queue& queue, const void* pixels, DType pixels_dtype, PatchShape shape,
                     std::span<const float> mean, std::span<const float> std, void* patches,
                     DType dtype);
void assemble_tokens(const Queue& queue, const void* embedded, DType embedded_dtype,
                     const float* prefix_tokens, const float* position, TokenShape shape,
                     void* tokens, DType tokens_dtype);
void pool_token(const Queue& queue, const void* tokens, TokenShape shape, void* pooled,
                DType dtype);
void pool_average(const Queue& queue, const void* tokens, TokenShape shape, void* pooled,
                  DType dtype);

}  // namespace quantring::cuda
