#include "engine/stage/activations.h"

#include <algorithm>

#include "ops/attention.h"
#include "ops/residual.h"

namespace quantring {

int head_tokens(const Architecture& architecture) {
  switch (architecture.pooling) {
    case Pooling::class_token:
      return 1;
    case Pooling::class_and_distillation:
      return 2;
    case Pooling::average:
    case Pooling::class_and_average:
      break;
  }
  return 0;
}

Activations::Activations(Context& context, const Architecture& a, StageRange range,
                         int max_images) {
  const auto buffer = [&](std::int64_t count, DType dtype) {
    return Buffer(context, static_cast<std::size_t>(count) * dtype_bytes(dtype));
  };
  const DType activation = context.activation_dtype(), stream = context.residual_dtype();
  const std::int64_t images = max_images, rows = images * a.tokens();
  std::int64_t widest = rows * std::max<std::int64_t>(3 * a.dim, a.mlp_dim);
  if (range.begin == 0) {
    widest = std::max(widest, images * a.channels * a.image_height * a.image_width);
  }
  residual = buffer(rows * a.dim, stream);
  residual_scratch = Buffer(context, residual_scratch_bytes(context, rows, a.dim));
  normed = buffer(rows * a.dim, activation);
  wide = buffer(widest, activation);
  attention_scratch =
      Buffer(context, attention_scratch_bytes(context, images, a.tokens(), a.dim, a.heads));
  if (range.end == a.half_blocks()) {
    const std::int64_t tokens = std::max(head_tokens(a), 1);
    kept = buffer(tokens * images * a.dim, stream);
    head_input = buffer(tokens * images * a.dim, activation);
    logits = buffer(images * a.classes, DType::f32);
  }
}

std::size_t Activations::bytes() const {
  std::size_t sum = 0;
  for (const Buffer* buffer : {&residual, &kept, &normed, &wide, &head_input, &logits,
                               &residual_scratch, &attention_scratch}) {
    sum += buffer->bytes();
  }
  return sum;
}

}  // namespace quantring
