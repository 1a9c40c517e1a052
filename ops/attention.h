#pragma once
// Multi-head self-attention without mask (Vaswani et al. 2017), softmax(Q K^T / sqrt(d)) V.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// Bytes of scratch that attention() needs for this shape and context.
std::size_t attention_scratch_bytes(const Context& context, std::int64_t images,
                                    std::int64_t tokens, std::int64_t dim, std::int64_t heads);

// qkv: [images, tokens, 3 * dim] f32, q then k then v, each head-major (head h at columns h *
// dim/heads); out: [images, tokens, dim] f32. heads must divide dim.
void attention(Context& context, ConstTensor qkv, std::int64_t heads, Buffer& scratch, Tensor out);

}  // namespace quantring
