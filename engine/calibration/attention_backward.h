#pragma once
// The gradient of ops/attention.h, on the CPU: it works on the panels of ops/cpu/kernels.h.

#include <cstdint>
#include <vector>

#include "ops/context.h"

namespace quantring {

class AttentionBackward {
 public:
  // context: the CPU; it must outlive this object.
  AttentionBackward(Context& context, std::int64_t tokens, std::int64_t dim, std::int64_t heads);

  // qkv: [images, tokens, 3 * dim], what attention() read; out_gradient: [images, tokens, dim], of
  // what it wrote. Writes qkv_gradient, of qkv's shape. The attention's weights are computed again,
  // for a few queries at a time, so that scratch memory grows with the tokens only.
  void run(const float* qkv, const float* out_gradient, std::int64_t images, float* qkv_gradient);

 private:
  struct Head;
  void run_head(const Head& head, float* scratch) const;

  Context& context_;
  std::int64_t tokens_, dim_, heads_;
  // Of one worker's scratch, in floats from its start:
  std::int64_t score_cols_, values_t_, keys_, queries_, out_rows_, weights_, slopes_, weights_t_,
      slopes_t_, floats_;
  std::vector<float> scratch_;
};

}  // namespace quantring
