#pragma once
// Multi-head self-attention without mask (Vaswani et al. 2017), softmax(Q K^T / sqrt(d)) V.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

// Bytes of scratch for attention() with this shape and context.
std::size_t attention_scratch_bytes(const Context& context, std::int64_t images,
                                    std::int64_t tokens, std::int64_t dim, std::int64_t heads);

// Layernorm of each head's queries and keys, in place (Dehghani et al. 2023). qkv: [rows, 3 * dim]
// activations, q then k then v, each head-major; gammas and betas: [dim / heads] f32. heads must
// divide dim.
void qk_norm(Context& context, Tensor qkv, std::int64_t heads, ConstTensor q_gamma,
             ConstTensor q_beta, ConstTensor k_gamma, ConstTensor k_beta, float eps);

// qkv: [images, tokens, 3 * dim], q then k then v, each head-major (head h at columns h *
// dim/heads); out: [images, tokens, dim]; both the context's activations. heads must divide dim.
void attention(Context& context, ConstTensor qkv, std::int64_t heads, Buffer& scratch, Tensor out);

}  // namespace quantring
