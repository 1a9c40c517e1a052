#pragma once
#include "ops/attention.h"
#include "ops/backend.h"

namespace quantring::cpu {

// The scratch that one worker needs.
std::size_t attention_scratch_bytes(std::int64_t tokens, std::int64_t dim, std::int64_t heads);

// Arguments as in ops/attention.h, already checked. rows: product of qkv's leading dimensions.
void qk_norm(ThreadPool& pool, float* qkv, std::int64_t rows, std::int64_t dim, std::int64_t heads,
             NormWeights q, NormWeights k, float eps);

// Arguments as in ops/attention.h, already checked; scratch: attention_scratch_bytes() per worker.
void attention(ThreadPool& pool, const float* qkv, AttentionShape shape, float* scratch,
               float* out);

}  // namespace quantring::cpu
