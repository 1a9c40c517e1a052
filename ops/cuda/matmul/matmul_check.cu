#include <algorithm>

#include "ops/cuda/activation.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/matmul/matmul_check.h"
#include "ops/cuda/number.h"

namespace quantring::cuda {
namespace {

constexpr int threads = 256;
constexpr std::int64_t max_samples = 1 << 16;

// Steele, Lea & Flood 2014 (SplitMix64's mixing).
__device__ std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// Uniform, as `T` holds it.
template <class T>
__device__ T random_value(std::int64_t index) {
  const auto bits = static_cast<std::uint32_t>(mixed(static_cast<std::uint64_t>(index)) >> 40);
  return from_float<T>((static_cast<float>(bits) * 0x1p-23f - 1.0f) * 1.7320508f + 0.5f);
}

template <class T>
__global__ void fill_kernel(T* data, std::int64_t count) {
  release_successor();
  wait_for_predecessor();
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    data[i] = random_value<T>(i);
  }
}

// One block of one warp for each row and part.
template <class T>
__global__ void sum_kernel(const T* x, std::int64_t rows, std::int64_t in, float2* sums) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t row = blockIdx.x, part = blockIdx.y, parts = gridDim.y;
  const std::int64_t begin = in * part / parts, end = in * (part + 1) / parts;
  float sum = 0, squares = 0;
  for (std::int64_t i = begin + threadIdx.x; i < end; i += 32) {
    const float value = to_float(x[row * in + i]);
    sum += value;
    squares += value * value;
  }
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
    squares += __shfl_xor_sync(0xffffffffu, squares, lanes);
  }
  if (threadIdx.x == 0) sums[part * rows + row] = make_float2(sum, squares);
}

struct CheckArguments {
  std::int64_t in, out, elements, samples;
  float alpha, tolerance, absolute;
  Activation activation;
  bool accumulate;
};

// One warp per sample. The tolerance is relative to the element and to the root of the sum of its
// terms' squares, by which rounded terms can deviate.
template <class T, class Y>
__global__ void check_kernel(const T* x, const T* weights, const float* bias, const Y* y,
                             CheckArguments a, unsigned* wrong) {
  wait_for_predecessor();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t first = (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / 32;
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x / 32;
  for (std::int64_t sample = first; sample < a.samples; sample += step) {
    // All elements if they are few; else random ones and the last one.
    const std::int64_t index =
        a.samples == a.elements ? sample
        : sample == 0           ? a.elements - 1
                      : static_cast<std::int64_t>(mixed(static_cast<std::uint64_t>(sample)) %
                                                  static_cast<std::uint64_t>(a.elements));
    const T* const x_row = x + index / a.out * a.in;
    const T* const w_row = weights + index % a.out * a.in;
    float sum = 0, squares = 0;
    for (std::int64_t i = lane; i < a.in; i += 32) {
      const float term = to_float(x_row[i]) * to_float(w_row[i]);
      sum += term;
      squares += term * term;
    }
    for (int lanes = 16; lanes > 0; lanes /= 2) {
      sum += __shfl_xor_sync(0xffffffffu, sum, lanes);
      squares += __shfl_xor_sync(0xffffffffu, squares, lanes);
    }
    if (lane != 0) continue;
    const float b = bias == nullptr ? 0.0f : bias[index % a.out];
    const float before = a.accumulate ? to_float(random_value<Y>(index)) : 0.0f;
    const float expected = activated(a.activation, a.alpha * sum + b) + before;
    const float scale = fabsf(expected) + fabsf(before) + fabsf(b) + a.alpha * sqrtf(squares);
    // Negated so that NaN counts as wrong.
    if (!(fabsf(to_float(y[index]) - expected) <= a.tolerance * scale + a.absolute)) {
      atomicAdd(wrong, 1u);
    }
  }
}

unsigned blocks_for(const Queue& queue, std::int64_t wanted) {
  const std::int64_t max_blocks = std::int64_t{queue.multiprocessors} * 8;
  return static_cast<unsigned>(std::clamp<std::int64_t>(wanted, 1, max_blocks));
}

}  // namespace

void fill_random(const Queue& queue, void* data, DType dtype, std::int64_t count) {
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "filling with random values", fill_kernel<T>,
           dim3(blocks_for(queue, count / threads + 1)), dim3(threads), 0, static_cast<T*>(data),
           count);
  });
}

void sum_rows(const Queue& queue, const MatmulCall& call) {
  with_type(call.x_dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "sums of rows", sum_kernel<T>,
           dim3(static_cast<unsigned>(call.rows), static_cast<unsigned>(call.parts)), dim3(32), 0,
           static_cast<const T*>(call.x), call.rows, call.layer->in, call.sums);
  });
}

void check_product(const Queue& queue, const MatmulCall& call, unsigned* wrong) {
  const DeviceLinear& layer = *call.layer;
  CheckArguments a{};
  a.in = layer.in;
  a.out = layer.out;
  a.elements = call.rows * layer.out;
  a.samples = std::min(a.elements, max_samples);
  a.alpha = layer.alpha;
  // Allows for a few roundings to the narrowest type.
  a.tolerance = layer.dtype == DType::f32 ? 1e-4f : layer.dtype == DType::f16 ? 1e-2f : 4e-2f;
  // With 16 bits an engine may use GELU's tanh form for the exact one: they hardly differ there.
  a.absolute = layer.dtype == DType::f32 || call.activation == Activation::none ? 1e-30f : 1e-3f;
  a.activation = call.activation;
  a.accumulate = call.accumulate;
  with_type(layer.dtype, [&](auto type) {
    using T = decltype(type);
    with_type(call.y_dtype, [&](auto result) {
      using Y = decltype(result);
      launch(queue, "checking a matrix product", check_kernel<T, Y>,
             dim3(blocks_for(queue, a.samples * 32 / threads + 1)), dim3(threads), 0,
             static_cast<const T*>(call.x), reinterpret_cast<const T*>(layer.weights.get()),
             layer.bias.get(), static_cast<const Y*>(call.y), a, wrong);
    });
  });
}

}  // namespace quantring::cuda
