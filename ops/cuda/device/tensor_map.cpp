#include "ops/cuda/device/tensor_map.h"

#include <array>
#include <string>

#include "ops/cuda/device/error.h"

namespace quantring::cuda {
namespace {

// Looked up in the driver at run time, so that the program also starts without one.
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

CUtensorMapDataType type_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
    case DType::bf16:
      return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    case DType::f16:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
    case DType::u8:
      break;
  }
  return CU_TENSOR_MAP_DATA_TYPE_UINT8;
}

}  // namespace

CUtensorMap tensor_map(const void* data, DType dtype, std::span<const cuuint64_t> sizes,
                       std::span<const cuuint64_t> strides, std::span<const cuuint32_t> box,
                       CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion) {
  static const PFN_cuTensorMapEncodeTiled_v12000 encode = find_encode();
  constexpr std::array<cuuint32_t, 5> steps{1, 1, 1, 1, 1};
  CUtensorMap map;
  const CUresult error =
      encode(&map, type_of(dtype), static_cast<cuuint32_t>(sizes.size()), const_cast<void*>(data),
             sizes.data(), strides.data(), box.data(), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE,
             swizzle, promotion, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (error != CUDA_SUCCESS) {
    throw Error("CUDA: cuTensorMapEncodeTiled failed: error " +
                std::to_string(static_cast<int>(error)));
  }
  return map;
}

}  // namespace quantring::cuda
