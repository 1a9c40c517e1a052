#include "ops/cuda/attention_map.h"

#include <cudaTypedefs.h>

#include <string>

#include "ops/cuda/error.h"

namespace quantring::cuda::attn {
namespace {

// Asked of the driver at run time, so that the program also starts where there is none.
PFN_cuTensorMapEncodeTiled_v12000 find_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                         cudaEnableDefault, &found),
        "cudaGetDriverEntryPointByVersion");
  if (found != cudaDriverEntryPointSuccess || function == nullptr) {
    throw Error("the NVIDIA driver is too old for this GPU's tensor copies: update it");
  }
  return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function);
}

}  // namespace

CUtensorMap map_heads(const void* qkv, DType dtype, AttentionShape shape, unsigned columns,
                      unsigned rows) {
  static const PFN_cuTensorMapEncodeTiled_v12000 encode = find_encode();
  const auto width = static_cast<cuuint64_t>(3 * shape.dim);
  const cuuint64_t sizes[] = {width, static_cast<cuuint64_t>(shape.tokens),
                              static_cast<cuuint64_t>(shape.images)};
  const cuuint64_t strides[] = {width * 2, width * 2 * sizes[1]};
  const cuuint32_t box[] = {columns, rows, 1}, steps[] = {1, 1, 1};
  CUtensorMap map;
  const CUresult error = encode(
      &map,
      dtype == DType::f16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 3,
      const_cast<void*>(qkv), sizes, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
      CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_NONE,
      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (error != CUDA_SUCCESS) {
    throw Error("CUDA: cuTensorMapEncodeTiled failed: error " +
                std::to_string(static_cast<int>(error)));
  }
  return map;
}

}  // namespace quantring::cuda::attn
