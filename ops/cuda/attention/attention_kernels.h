#pragma once
// The kernels that attention() chooses from. Arguments as in ops/cuda/attention/attention.h; each
// throws std::invalid_argument where its own condition does not hold.

#include "ops/backend.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda::attn {

// All keys and values of a head in shared memory, a tile's scores in registers: exact maximum, one
// pass. dtype f16 or bf16, head dimension 32, 64 or 80, at most whole_max_tokens tokens. Each
// head's queries are divided among `parts` blocks.
inline constexpr std::int64_t whole_max_tokens = 272;
bool whole_fits(const Queue& queue, AttentionShape shape, DType dtype);
void whole(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, int parts,
           void* out);

// With Hopper's instructions (TMA, wgmma). dtype f16 or bf16, head dimension 64.
bool hopper_fits(const Queue& queue, AttentionShape shape, DType dtype);
void hopper(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void* out);

// Keys and values in blocks of 64, running maximum (Milakov and Gimelshein 2018, as in
// FlashAttention). dtype f16 or bf16, head dimension a multiple of 16 up to 128.
bool stream_fits(AttentionShape shape, DType dtype);
void stream(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void* out);

// Any type, any head dimension, float arithmetic without tensor cores.
void plain(const Queue& queue, const void* qkv, DType dtype, AttentionShape shape, void* out);

}  // namespace quantring::cuda::attn
