#pragma once
#include <cstddef>

#include "ops/backend.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

// Arguments as in ops/attention.h, already checked; dtype: f16, bf16 or f32, of qkv and out.
// Supports every head dimension and number of tokens; scratch: attention_scratch_bytes().
std::size_t attention_scratch_bytes(const Queue& queue, AttentionShape shape, DType dtype);
void attention(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape,
               void* scratch, void* out);

void qk_norm(const Queue& queue, void* qkv, DType dtype, std::int64_t rows, std::int64_t dim,
             std::int64_t heads, NormWeights q, NormWeights k, float eps);

}  // namespace quantring::cuda
