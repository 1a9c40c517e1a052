// The DCT over the grid of patches, forth with quantization and back from quantized coefficients.
// A block works on some components of one image; every sum is in the order of frequencies or
// places, each product rounded.

#include <algorithm>

#include "ops/cuda/device/launch.h"
#include "ops/cuda/transform/rans.cuh"

namespace quantring::cuda {
namespace {

constexpr float max_magnitude = 1 << 20;
constexpr int escape = transform_symbols / 2;
constexpr int block_threads = 256, max_group = 32, together = 4;
// Square grids of this side have kernels of their own, whose matrices are operands of instructions:
// pictures of 224 x 224 in patches of 16 x 16.
constexpr int fixed_side = 14;
constexpr int threshold_stride = escape - 1 + escape % 2;  // odd: classes begin in different banks
constexpr int threshold_floats = transform_classes * threshold_stride;

// Components per block, and the shared memory for two copies of them and both matrices, whose rows
// are padded to whole fours. Group 0: it is too much.
struct DctPlan {
  bool fixed = false;
  int group = 0;
  std::size_t shared = 0;
};
std::size_t matrix_floats(const TransformCode& c) {
  const auto padded = [](int n) { return (n + together - 1) / together * together; };
  return static_cast<std::size_t>(c.rows * padded(c.rows) + c.cols * padded(c.cols));
}
DctPlan plan(const Queue& queue, const TransformCode& c) {
  if (c.rows == fixed_side && c.cols == fixed_side)
    return {true, max_group, sizeof(float) * static_cast<std::size_t>(c.patches() * max_group)};
  // 48 KiB where that is enough: more blocks fit a multiprocessor.
  for (const std::size_t limit :
       {std::size_t{49152} - 4 * threshold_floats,
        static_cast<std::size_t>(queue.shared_bytes_per_block) - 4 * threshold_floats}) {
    for (int group = max_group; group >= (limit < 49152 ? 16 : 1); group /= 2) {
      const std::size_t shared =
          sizeof(float) * (matrix_floats(c) + 2 * static_cast<std::size_t>(c.patches() * group));
      if (shared <= limit) return {false, group, shared};
    }
  }
  return {};
}

// target[i, k, ...] = sum over j of matrix[j, i] source[j, k, ...] for source [n, inner, group];
// matrix: rows padded to whole fours. All threads of the block.
__device__ void transform_axis(const float* source, float* target, const float* matrix, int n,
                               int outer, int outer_stride, int stride, int group) {
  const int padded = (n + together - 1) / together * together;
  const int fours = padded / together;
  for (int work = static_cast<int>(threadIdx.x); work < outer * fours * group;
       work += block_threads) {
    const int g = work % group, first = work / group % fours * together;
    const int o = work / group / fours;
    const int base = o * outer_stride * group + g;
    float sums[together] = {};
    for (int j = 0; j < n; ++j) {
      const float x = source[base + j * stride * group];
      const float4 m = *reinterpret_cast<const float4*>(matrix + j * padded + first);
      sums[0] = __fadd_rn(sums[0], __fmul_rn(m.x, x));
      sums[1] = __fadd_rn(sums[1], __fmul_rn(m.y, x));
      sums[2] = __fadd_rn(sums[2], __fmul_rn(m.z, x));
      sums[3] = __fadd_rn(sums[3], __fmul_rn(m.w, x));
    }
#pragma unroll
    for (int i = 0; i < together; ++i)
      if (first + i < n) target[base + (first + i) * stride * group] = sums[i];
  }
}

__device__ void load_matrix(const float* source, float* target, int n) {
  const int floats = n * ((n + together - 1) / together * together);
  for (int i = static_cast<int>(threadIdx.x); i < floats; i += block_threads) target[i] = source[i];
}

// matrix[j][i]: what source j counts in target i.
struct FixedMatrices {
  float rows[fixed_side][fixed_side], cols[fixed_side][fixed_side];
};

// Both axes, in place; a thread has a line of one component in registers.
template <int n, class Matrix>
__device__ void transform_fixed_axis(float* values, const Matrix& matrix, int outer_stride,
                                     int stride) {
  for (int work = static_cast<int>(threadIdx.x); work < n * max_group; work += block_threads) {
    float* const line = values + work / max_group * outer_stride * max_group + work % max_group;
    float x[n];
#pragma unroll
    for (int j = 0; j < n; ++j) x[j] = line[j * stride * max_group];
#pragma unroll
    for (int i = 0; i < n; ++i) {
      float sum = 0;
#pragma unroll
      for (int j = 0; j < n; ++j) sum = __fadd_rn(sum, __fmul_rn(matrix[j][i], x[j]));
      line[i * stride * max_group] = sum;
    }
  }
}
__device__ void transform_fixed(float* values, const FixedMatrices& matrices) {
  __syncthreads();
  transform_fixed_axis<fixed_side>(values, matrices.rows, 1, fixed_side);
  __syncthreads();
  transform_fixed_axis<fixed_side>(values, matrices.cols, fixed_side, 1);
  __syncthreads();
}

FixedMatrices fixed_matrices(const TransformCode& c, bool inverse) {
  FixedMatrices m;
  for (int i = 0; i < fixed_side; ++i) {
    for (int j = 0; j < fixed_side; ++j) {
      m.rows[inverse ? i : j][inverse ? j : i] = c.host_dct_rows[i * fixed_side + j];
      m.cols[inverse ? i : j][inverse ? j : i] = c.host_dct_cols[i * fixed_side + j];
    }
  }
  return m;
}

// The block's memory: shared, or the device's with one component per block (planes not null).
struct DctMemory {
  const float *rows, *cols;
  float *a, *b;
};
__device__ DctMemory memory_of(const TransformCode& c, const float* rows, const float* cols,
                               float* shared, float* planes, int group) {
  const std::int64_t size = std::int64_t{c.rows} * c.cols * group;
  if (planes != nullptr) {
    float* const a = planes + 2 * size * (std::int64_t{blockIdx.x} * c.components + blockIdx.y);
    return {rows, cols, a, a + size};
  }
  const auto floats = [](int n) { return n * ((n + together - 1) / together * together); };
  float* const shared_cols = shared + floats(c.rows);
  float* const a = shared_cols + floats(c.cols);
  load_matrix(rows, shared, c.rows);
  load_matrix(cols, shared_cols, c.cols);
  return {shared, shared_cols, a, a + size};
}

// Both axes, from and to m.a.
__device__ void transform_any(const TransformCode& c, const DctMemory& m, int group) {
  __syncthreads();
  transform_axis(m.a, m.b, m.rows, c.rows, c.cols, 1, c.cols, group);
  __syncthreads();
  transform_axis(m.b, m.a, m.cols, c.cols, c.rows, c.cols, 1, group);
  __syncthreads();
}

// With the matrices as parameters, or without.
struct NoMatrices {};
template <class Matrices>
inline constexpr bool is_fixed = std::is_same_v<Matrices, FixedMatrices>;

__device__ std::uint32_t quantize(float value, int c, const float* thresholds, bool& sound,
                                  int& magnitude) {
  const float m = fabsf(value);
  magnitude = 0;
  if (!(m < max_magnitude)) {
    sound = false;
    return 0;
  }
  const float* const mine = thresholds + c * threshold_stride;
  while (magnitude < escape - 1 && m >= mine[magnitude]) ++magnitude;
  if (magnitude == escape - 1) magnitude = max(magnitude, static_cast<int>(__fadd_rn(m, 0.5F)));
  return value < 0 ? 1u : 0u;
}

// One coefficient, of `image`, which lies at `place`.
__device__ void put(const TransformCode& c, const TransformScratch& s, int image,
                    const float* thresholds, std::int64_t place, float value, bool& sound) {
  const std::int32_t at = c.order[place];
  if (at < 0) return;
  int magnitude;
  const std::uint32_t negative =
      quantize(value, c.place_classes[place], thresholds, sound, magnitude);
  const int symbol = magnitude == 0        ? 0
                     : magnitude >= escape ? escape_symbol
                                           : 2 * magnitude - (negative != 0 ? 0 : 1);
  s.symbols[std::int64_t{image} * c.streams * c.groups * 32 * transform_group + at] =
      static_cast<std::uint8_t>(symbol);
  if (magnitude < escape) return;
  const int number = number_at(c, at);
  s.quantized[std::int64_t{image} * c.coded + number] = negative != 0 ? -magnitude : magnitude;
  const int stream = image * c.streams + number / c.each;
  const std::uint32_t slot = atomicAdd(s.escapes + stream, 1u);
  if (slot < max_listed)
    s.listed[std::int64_t{stream} * max_listed + slot] =
        static_cast<std::uint32_t>(number % c.each);
}

// grid: images, groups and one more for prefix tokens.
template <class Matrices>
__global__ void __launch_bounds__(block_threads)
    quantize_kernel(TransformCode c, TransformScratch s, int group, Matrices matrices) {
  __shared__ float thresholds[threshold_floats];
  for (int i = static_cast<int>(threadIdx.x); i < transform_classes * (escape - 1);
       i += block_threads)
    thresholds[i / (escape - 1) * threshold_stride + i % (escape - 1)] = c.thresholds[i];
  extern __shared__ __align__(16) float shared[];
  const int image = static_cast<int>(blockIdx.x), patches = c.rows * c.cols;
  const std::int64_t prefix_places = std::int64_t{c.prefix} * c.dim;
  bool sound = true;
  if (blockIdx.y + 1 == gridDim.y) {
    wait_for_predecessor();
    release_successor();
    __syncthreads();
    const float* const prefix = s.prefix + image * prefix_places;
    for (int i = static_cast<int>(threadIdx.x); i < prefix_places; i += block_threads)
      put(c, s, image, thresholds, i, __fmul_rn(prefix[i], c.per_prefix_step), sound);
    for (int i = static_cast<int>(threadIdx.x); i < c.prefix + patches; i += block_threads) {
      const float unit = i < c.prefix
                             ? s.rows.prefix_units[std::int64_t{image} * c.prefix + i]
                             : s.rows.patch_units[std::int64_t{image} * patches + i - c.prefix];
      sound &= unit != 0;
    }
  } else {
    // Sums are over the matrices' columns: of the transposed ones that is row by row.
    DctMemory m{nullptr, nullptr, shared, nullptr};
    if constexpr (!is_fixed<Matrices>)
      m = memory_of(c, c.inverse_rows, c.inverse_cols, shared, s.planes, group);
    wait_for_predecessor();
    release_successor();
    const int first = static_cast<int>(blockIdx.y) * group;
    const float* const source = s.patches + std::int64_t{image} * patches * c.components;
    for (int i = static_cast<int>(threadIdx.x); i < patches * group; i += block_threads) {
      const int component = first + i % group;
      m.a[i] = component < c.components ? source[std::int64_t{i / group} * c.components + component]
                                        : 0.0F;
    }
    if constexpr (is_fixed<Matrices>) {
      transform_fixed(m.a, matrices);
    } else {
      transform_any(c, m, group);
    }
    for (int i = static_cast<int>(threadIdx.x); i < patches * group; i += block_threads) {
      const int component = first + i % group;
      if (component < c.components)
        put(c, s, image, thresholds,
            prefix_places + std::int64_t{i / group} * c.components + component,
            __fmul_rn(m.a[i], c.per_step), sound);
    }
  }
  if (__syncthreads_or(!sound) != 0 && threadIdx.x == 0) atomicOr(s.unsound + image, 1u);
}

__device__ float decoded(const TransformCode& c, std::int32_t q) {
  if (q == 0) return 0.0F;
  const int m = abs(q);
  const float size = m == 1   ? c.points[0]
                     : m == 2 ? c.points[1]
                              : __fadd_rn(static_cast<float>(m), c.points[2]);
  return __fmul_rn(q < 0 ? -size : size, c.step);
}

template <class Matrices>
__global__ void __launch_bounds__(block_threads)
    planes_kernel(TransformCode c, TransformScratch s, int group, Matrices matrices) {
  extern __shared__ __align__(16) float shared[];
  const int image = static_cast<int>(blockIdx.x), patches = c.rows * c.cols;
  DctMemory m{nullptr, nullptr, shared, nullptr};
  if constexpr (!is_fixed<Matrices>)
    m = memory_of(c, c.dct_rows, c.dct_cols, shared, s.planes, group);
  wait_for_predecessor();
  release_successor();
  const int first = static_cast<int>(blockIdx.y) * group;
  const std::int32_t* const order = c.order + std::int64_t{c.prefix} * c.dim;
  for (int i = static_cast<int>(threadIdx.x); i < patches * group; i += block_threads) {
    const int component = first + i % group;
    float value = 0;
    if (component < c.components) {
      const std::int32_t at = order[std::int64_t{i / group} * c.components + component];
      if (at >= 0) value = decoded(c, quantized_at(c, s, image, at));
    }
    m.a[i] = value;
  }
  if constexpr (is_fixed<Matrices>) {
    transform_fixed(m.a, matrices);
  } else {
    transform_any(c, m, group);
  }
  float* const target = s.patches + std::int64_t{image} * patches * c.components;
  for (int i = static_cast<int>(threadIdx.x); i < patches * group; i += block_threads) {
    const int component = first + i % group;
    if (component < c.components)
      target[std::int64_t{i / group} * c.components + component] = m.a[i];
  }
}

DctPlan plan_or_global(const Queue& queue, const TransformCode& c) {
  const DctPlan p = plan(queue, c);
  return p.group > 0 ? p : DctPlan{false, 1, 0};
}

}  // namespace

bool dct_in_shared_memory(const Queue& queue, const TransformCode& code) {
  return plan(queue, code).group > 0;
}

void transform_quantize(const Queue& queue, const TransformCall& call) {
  const DctPlan p = plan_or_global(queue, call.code);
  const int groups = (call.code.components + p.group - 1) / p.group;
  const dim3 grid(static_cast<unsigned>(call.images), static_cast<unsigned>(groups + 1));
  constexpr const char* name = "the kernel of klt's DCT";
  if (p.fixed) {
    launch(queue, name, quantize_kernel<FixedMatrices>, grid, dim3(block_threads), p.shared,
           call.code, call.scratch, p.group, fixed_matrices(call.code, false));
  } else {
    launch(queue, name, quantize_kernel<NoMatrices>, grid, dim3(block_threads), p.shared, call.code,
           call.scratch, p.group, NoMatrices());
  }
}

void transform_planes(const Queue& queue, const TransformCall& call) {
  const DctPlan p = plan_or_global(queue, call.code);
  const int groups = (call.code.components + p.group - 1) / p.group;
  if (groups == 0) return;
  const dim3 grid(static_cast<unsigned>(call.images), static_cast<unsigned>(groups));
  constexpr const char* name = "the kernel of klt's inverse DCT";
  if (p.fixed) {
    launch(queue, name, planes_kernel<FixedMatrices>, grid, dim3(block_threads), p.shared,
           call.code, call.scratch, p.group, fixed_matrices(call.code, true));
  } else {
    launch(queue, name, planes_kernel<NoMatrices>, grid, dim3(block_threads), p.shared, call.code,
           call.scratch, p.group, NoMatrices());
  }
}

}  // namespace quantring::cuda
