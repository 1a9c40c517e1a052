#pragma once
#include "ops/backend.h"
#include "ops/embed.h"

namespace quantring::cpu {

// Arguments as in ops/embed.h, already checked.
void extract_patches(ThreadPool& pool, const std::uint8_t* pixels, PatchShape shape,
                     std::span<const float> mean, std::span<const float> std, float* patches);
void extract_patches(ThreadPool& pool, const float* pixels, PatchShape shape, float* patches);

void assemble_tokens(ThreadPool& pool, const float* embedded, const float* prefix_tokens,
                     const float* position, TokenShape shape, float* tokens);
// The first token after the prefix, and the mean of all after it.
void pool_token(const float* tokens, TokenShape shape, float* pooled);
void pool_average(ThreadPool& pool, const float* tokens, TokenShape shape, float* pooled);

}  // namespace quantring::cpu
