#pragma once
// Tensor maps of queries, keys and values for Hopper's tensor copy unit (TMA).

#include <cuda.h>

#include "ops/backend.h"

namespace quantring::cuda::attn {

// qkv as in ops/attention.h, f16 or bf16. Copied in boxes of `columns` columns, 64 of 16 bits, of
// `rows` tokens of an image, swizzled by 128 bytes; tokens behind an image's last are zeros.
CUtensorMap map_heads(const void* qkv, DType dtype, AttentionShape shape, unsigned columns,
                      unsigned rows);

}  // namespace quantring::cuda::attn
