// Rows of floats to two planes of bytes: values of tokens minus their mean, or decoded
// coefficients. A warp a row.

#include "ops/coding/integer_rows.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/number.h"
#include "ops/cuda/transform/rans.cuh"

namespace quantring::cuda {
namespace {

constexpr int block_threads = 128, block_rows = block_threads / 32;

// value(i): of the row. Writes the row's planes, zeros up to `padded`, and its unit.
template <class Value>
__device__ void write_row(Value value, int depth, int padded, std::int8_t* high, std::int8_t* low,
                          float* unit) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  std::uint32_t largest = 0;
  for (int i = lane; i < depth; i += 32)
    largest = max(largest, __float_as_uint(value(i)) & 0x7fffffffu);
  largest = __reduce_max_sync(0xffffffffu, largest);
  const coding::RowScale scale = coding::row_scale(largest);
  for (int i = 4 * lane; i < padded; i += 128) {
    std::uint32_t highs = 0, lows = 0;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const int integer = i + k < depth ? coding::row_integer(value(i + k), scale.scale) : 0;
      lows |= (static_cast<std::uint32_t>(integer) & 255u) << (8 * k);
      highs |= (static_cast<std::uint32_t>((integer + 128) >> 8) & 255u) << (8 * k);
    }
    *reinterpret_cast<std::uint32_t*>(high + i) = highs;
    *reinterpret_cast<std::uint32_t*>(low + i) = lows;
  }
  if (lane == 0) *unit = largest < 0x7f800000u ? scale.unit : 0.0F;
}

template <class T>
__global__ void __launch_bounds__(block_threads)
    token_rows_kernel(const T* values, TransformCode code, TransformScratch s, int images) {
  wait_for_predecessor();
  release_successor();
  // What the next kernels count with.
  const int thread = static_cast<int>(blockIdx.x * block_threads + threadIdx.x);
  const int threads = static_cast<int>(gridDim.x) * block_threads;
  for (int i = thread; i < images; i += threads) s.unsound[i] = 0;
  for (int i = thread; i < images * code.streams; i += threads) s.escapes[i] = 0;

  const std::int64_t row = std::int64_t{blockIdx.x} * block_rows + threadIdx.x / 32;
  const int tokens = code.prefix + code.rows * code.cols, patches = code.rows * code.cols;
  if (row >= std::int64_t{images} * tokens) return;
  const std::int64_t image = row / tokens;
  const int token = static_cast<int>(row % tokens);
  const int padded = (code.dim + transform_depth - 1) / transform_depth * transform_depth;
  const T* const source = values + row * code.dim;
  const float* const mean = code.mean + std::int64_t{token} * code.dim;
  const auto value = [&](int i) { return __fsub_rn(to_float(source[i]), mean[i]); };
  T* const copy = reinterpret_cast<T*>(s.values) + row * code.dim;
  for (int i = static_cast<int>(threadIdx.x % 32); i < code.dim; i += 32) copy[i] = source[i];
  const bool of_prefix = token < code.prefix;
  const std::int64_t target =
      of_prefix ? image * code.prefix + token : image * patches + token - code.prefix;
  const std::int64_t count = std::int64_t{images} * (of_prefix ? code.prefix : patches);
  std::int8_t* const planes = of_prefix ? s.rows.prefix_planes : s.rows.patch_planes;
  write_row(value, code.dim, padded, planes + target * padded, planes + (count + target) * padded,
            (of_prefix ? s.rows.prefix_units : s.rows.patch_units) + target);
}

__global__ void __launch_bounds__(block_threads)
    coefficient_rows_kernel(TransformCode code, TransformScratch s, int images) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t row = std::int64_t{blockIdx.x} * block_rows + threadIdx.x / 32;
  const std::int64_t patch_rows = std::int64_t{images} * code.rows * code.cols;
  const std::int64_t prefix_rows = std::int64_t{images} * code.prefix;
  if (row < patch_rows) {
    const int padded = (code.components + transform_depth - 1) / transform_depth * transform_depth;
    const float* const source = s.patches + row * code.components;
    write_row([&](int i) { return source[i]; }, code.components, padded,
              s.rows.patch_planes + row * padded, s.rows.patch_planes + (patch_rows + row) * padded,
              s.rows.patch_units + row);
  } else if (row < patch_rows + prefix_rows) {
    const std::int64_t r = row - patch_rows;
    const int padded = (code.dim + transform_depth - 1) / transform_depth * transform_depth;
    const std::int32_t* const order = code.order + r % code.prefix * code.dim;
    const std::int64_t image = r / code.prefix;
    const auto value = [&](int i) {
      const std::int32_t at = order[i];
      return at < 0 ? 0.0F
                    : __fmul_rn(static_cast<float>(quantized_at(code, s, image, at)),
                                code.prefix_step);
    };
    write_row(value, code.dim, padded, s.rows.prefix_planes + r * padded,
              s.rows.prefix_planes + (prefix_rows + r) * padded, s.rows.prefix_units + r);
  }
}

dim3 blocks_for(std::int64_t rows) {
  return dim3(static_cast<unsigned>((rows + block_rows - 1) / block_rows));
}

}  // namespace

void transform_rows(const Queue& queue, const TransformCall& call, ConstTensor values) {
  with_type(values.dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "the kernel of klt's rows", token_rows_kernel<T>,
           blocks_for(std::int64_t{call.images} * call.code.tokens()), dim3(block_threads), 0,
           static_cast<const T*>(values.data), call.code, call.scratch, call.images);
  });
}

void transform_coefficient_rows(const Queue& queue, const TransformCall& call) {
  launch(queue, "the kernel of klt's coefficients", coefficient_rows_kernel,
         blocks_for(std::int64_t{call.images} * call.code.tokens()), dim3(block_threads), 0,
         call.code, call.scratch, call.images);
}

}  // namespace quantring::cuda
