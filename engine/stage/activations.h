#pragma once
// All memory that a stage's forward pass writes, allocated once for its largest batch. Some buffers
// serve several tensors in turn; what is no longer needed is overwritten.

#include <cstddef>

#include "engine/model/architecture.h"
#include "ops/context.h"

namespace quantring {

// How many of an image's tokens the head reads, counted from the first; 0: all.
int head_tokens(const Architecture& architecture);

struct Activations {
  // Throws Error if there is not enough memory.
  Activations(Context& context, const Architecture& architecture, StageRange range, int max_images);

  std::size_t bytes() const;

  // In the context's residual dtype:
  Buffer residual;  // [images, tokens, dim], x
  Buffer kept;  // [head tokens, images, dim], x behind the last attention; [images, dim], pooled

  // In its activation dtype:
  Buffer normed;      // [images, tokens, dim], norm(x), attention(qkv), or the embedded patches
  Buffer wide;        // [images, tokens, 3 dim], qkv; [images, tokens, mlp_dim], the MLP's hidden
                      // layer; [images * patches, patch values], of the first stage
  Buffer head_input;  // [head tokens, images, dim], attention's output for the kept tokens;
                      // [images, dim], norm of the pooled token

  Buffer logits;  // [images, classes] f32

  Buffer residual_scratch;   // residual_scratch_bytes(), ops/residual.h
  Buffer attention_scratch;  // attention_scratch_bytes(), ops/attention.h
};

}  // namespace quantring
