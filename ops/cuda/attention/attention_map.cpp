#include "ops/cuda/attention/attention_map.h"

#include "ops/cuda/device/tensor_map.h"

namespace quantring::cuda::attn {

CUtensorMap map_heads(const void* qkv, DType dtype, AttentionShape shape, unsigned columns,
                      unsigned rows) {
  const auto width = static_cast<cuuint64_t>(3 * shape.dim);
  const cuuint64_t sizes[] = {width, static_cast<cuuint64_t>(shape.tokens),
                              static_cast<cuuint64_t>(shape.images)};
  const cuuint64_t strides[] = {width * 2, width * 2 * sizes[1]};
  const cuuint32_t box[] = {columns, rows, 1};
  return tensor_map(qkv, dtype, sizes, strides, box, CU_TENSOR_MAP_SWIZZLE_128B,
                    CU_TENSOR_MAP_L2_PROMOTION_NONE);
}

}  // namespace quantring::cuda::attn
