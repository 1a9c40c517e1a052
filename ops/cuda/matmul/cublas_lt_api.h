#pragma once
// The part of cuBLASLt's C interface that is used here, so that the build needs neither its header
// nor the library. Values and layouts are the library's binary interface, unchanged from 12.0
// to 13.x; tests/ops/cuda/test_cublas_lt_api.cpp compares them with the real header if there is
// one. Descriptors are only used by pointer: their sizes differ between versions.
// https://docs.nvidia.com/cuda/cublas/#using-the-cublaslt-api

#include <cuda_runtime_api.h>
#include <library_types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace quantring::cuda::lt {

struct Context;
struct Operation;   // what is computed: types, transposition, epilogue
struct Layout;      // a matrix: type, rows, columns, leading dimension
struct Preference;  // what the heuristic may propose

using Status = int;
inline constexpr Status success = 0;

// cublasComputeType_t: products and sums in f32, without TF32 or f16 intermediates.
inline constexpr int compute_f32 = 68;

inline constexpr int transpose_none = 0, transpose = 1;  // cublasOperation_t

enum OperationAttribute : int {
  operation_transpose_a = 3,      // int32
  operation_transpose_b = 4,      // int32
  operation_epilogue = 7,         // uint32
  operation_bias_pointer = 8,     // device pointer, [rows of D]
  operation_bias_data_type = 26,  // int32, cudaDataType
};

enum Epilogue : std::uint32_t {
  epilogue_none = 1,
  epilogue_bias = 4,
  epilogue_gelu = 32,  // the tanh approximation
  epilogue_gelu_bias = 36,
};

enum PreferenceAttribute : int {
  preference_workspace_bytes = 1,  // uint64
  preference_reductions = 3,       // uint32, Reduction
  preference_alignment_a = 5,      // uint32, bytes
  preference_alignment_b = 6,
  preference_alignment_c = 7,
  preference_alignment_d = 8,
  preference_numerics = 12,  // uint64, Numerics
};

// How the parts of a product split along K are added. The other schemes add in the output type.
enum Reduction : std::uint32_t { reduction_compute_type = 2 };

// What an algorithm may compute with. A bit for the instruction, one for the sum, one for the
// inputs.
enum Numerics : std::uint64_t {
  numerics_fma = 0x01,
  numerics_any_instruction = 0xff,
  numerics_sum_f32 = 0x02ull << 8,
  numerics_input_f16 = 0x01ull << 16,
  numerics_input_bf16 = 0x02ull << 16,
  numerics_input_f32 = 0x08ull << 16,
};

struct Algorithm {
  std::uint64_t data[8];  // plain values with the same meaning in every process of one version
};

struct HeuristicResult {
  Algorithm algorithm;
  std::size_t workspace_bytes;
  Status state;
  float waves;
  int reserved[4];
};

struct Api {
  std::size_t (*version)();  // 10000 * major + 100 * minor + patch
  const char* (*status_name)(Status);
  Status (*create)(Context**);
  Status (*destroy)(Context*);
  Status (*operation_create)(Operation**, int compute_type, cudaDataType scale_type);
  Status (*operation_destroy)(Operation*);
  Status (*operation_set)(Operation*, int attribute, const void* value, std::size_t bytes);
  Status (*layout_create)(Layout**, cudaDataType type, std::uint64_t rows, std::uint64_t columns,
                          std::int64_t leading);
  Status (*layout_destroy)(Layout*);
  Status (*preference_create)(Preference**);
  Status (*preference_destroy)(Preference*);
  Status (*preference_set)(Preference*, int attribute, const void* value, std::size_t bytes);
  Status (*heuristic)(Context*, Operation*, Layout* a, Layout* b, Layout* c, Layout* d, Preference*,
                      int wanted, HeuristicResult* results, int* found);
  Status (*check)(Context*, Operation*, Layout* a, Layout* b, Layout* c, Layout* d,
                  const Algorithm*, HeuristicResult*);
  Status (*matmul)(Context*, Operation*, const void* alpha, const void* a, Layout*, const void* b,
                   Layout*, const void* beta, const void* c, Layout*, void* d, Layout*,
                   const Algorithm*, void* workspace, std::size_t workspace_bytes, cudaStream_t);
};

// Opens the library at the first call. Null, and the reason in one line, if it is missing or too
// old.
const Api* load(std::string& reason);

}  // namespace quantring::cuda::lt
