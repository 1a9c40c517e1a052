// Layernorm: reads a row once into registers and computes mean and variance from those.

#include "ops/cuda/device/launch.h"
#include "ops/cuda/elementwise/elementwise.h"
#include "ops/cuda/vector.h"

namespace quantring::cuda {
namespace {

constexpr int warp = 32;
constexpr int warps_per_block = 4;

__device__ inline float sum_of_warp(float value) {
#pragma unroll
  for (int step = warp / 2; step > 0; step /= 2) value += __shfl_xor_sync(~0u, value, step);
  return value;
}

// One warp per row; a lane holds up to `chunks` vectors of it, those beyond `dim` as zeros.
template <class X, class Y, int chunks>
__global__ void __launch_bounds__(warps_per_block* warp)
    norm_in_registers(const X* x, const float* gamma, const float* beta, float eps,
                      std::int64_t rows, int dim, Y* y) {
  const std::int64_t row =
      std::int64_t{blockIdx.x} * warps_per_block + static_cast<int>(threadIdx.x) / warp;
  const int lane = static_cast<int>(threadIdx.x) % warp;
  wait_for_predecessor();
  release_successor();
  if (row >= rows) return;
  float values[chunks][vector_width];
  float sum = 0;
#pragma unroll
  for (int c = 0; c < chunks; ++c) {
    const int column = (c * warp + lane) * vector_width;
    if (column < dim) {
      load_vector(x + row * dim + column, values[c]);
#pragma unroll
      for (int i = 0; i < vector_width; ++i) sum += values[c][i];
    }
  }
  const float mean = sum_of_warp(sum) / static_cast<float>(dim);
  float squares = 0;
#pragma unroll
  for (int c = 0; c < chunks; ++c) {
    if ((c * warp + lane) * vector_width < dim) {
#pragma unroll
      for (int i = 0; i < vector_width; ++i) {
        const float centred = values[c][i] - mean;
        squares += centred * centred;
      }
    }
  }
  const float inverse = 1.0f / sqrtf(sum_of_warp(squares) / static_cast<float>(dim) + eps);
#pragma unroll
  for (int c = 0; c < chunks; ++c) {
    const int column = (c * warp + lane) * vector_width;
    if (column < dim) {
      float result[vector_width];
#pragma unroll
      for (int i = 0; i < vector_width; ++i) result[i] = (values[c][i] - mean) * inverse;
      if (gamma != nullptr) {
        float scale[vector_width], shift[vector_width];
        load_vector(gamma + column, scale);
        load_vector(beta + column, shift);
#pragma unroll
        for (int i = 0; i < vector_width; ++i) result[i] = result[i] * scale[i] + shift[i];
      }
      store_vector(result, y + row * dim + column);
    }
  }
}

// Any dimension: one block per row, which is read three times. x and y may be the same, so all
// threads read before any writes.
template <class X, class Y>
__global__ void norm_any(const X* x, const float* gamma, const float* beta, float eps, int dim,
                         Y* y) {
  __shared__ float partial[warp];
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  x += std::int64_t{blockIdx.x} * dim;
  y += std::int64_t{blockIdx.x} * dim;
  const auto sum_of_block = [&](float value) {
    value = sum_of_warp(value);
    __syncthreads();
    if (thread % warp == 0) partial[thread / warp] = value;
    __syncthreads();
    return sum_of_warp(thread % warp < threads / warp ? partial[thread % warp] : 0.0f);
  };
  wait_for_predecessor();
  release_successor();
  float sum = 0;
  for (int i = thread; i < dim; i += threads) sum += to_float(x[i]);
  const float mean = sum_of_block(sum) / static_cast<float>(dim);
  float squares = 0;
  for (int i = thread; i < dim; i += threads) {
    const float centred = to_float(x[i]) - mean;
    squares += centred * centred;
  }
  const float inverse = 1.0f / sqrtf(sum_of_block(squares) / static_cast<float>(dim) + eps);
  for (int i = thread; i < dim; i += threads) {
    const float normed = (to_float(x[i]) - mean) * inverse;
    y[i] = from_float<Y>(gamma != nullptr ? normed * gamma[i] + beta[i] : normed);
  }
}

template <class X, class Y>
void run(const Queue& queue, const X* x, NormWeights norm, float eps, std::int64_t rows,
         std::int64_t dim, Y* y) {
  const auto in_registers = [&](auto kernel) {
    const auto blocks = static_cast<unsigned>((rows + warps_per_block - 1) / warps_per_block);
    launch(queue, "layer_norm", kernel, blocks, warps_per_block * warp, 0, x, norm.gamma, norm.beta,
           eps, rows, static_cast<int>(dim), y);
  };
  const bool vectors = vectors_fit(x, dim) && vectors_fit(y, dim) && vectors_fit(norm.gamma, dim) &&
                       vectors_fit(norm.beta, dim);
  constexpr int chunk = warp * vector_width;
  if (vectors && dim <= chunk) {
    in_registers(norm_in_registers<X, Y, 1>);
  } else if (vectors && dim <= 3 * chunk) {
    in_registers(norm_in_registers<X, Y, 3>);
  } else if (vectors && dim <= 4 * chunk) {
    in_registers(norm_in_registers<X, Y, 4>);
  } else if (vectors && dim <= 8 * chunk) {
    in_registers(norm_in_registers<X, Y, 8>);
  } else {
    launch(queue, "layer_norm", norm_any<X, Y>, static_cast<unsigned>(rows), 256, 0, x, norm.gamma,
           norm.beta, eps, static_cast<int>(dim), y);
  }
}

}  // namespace

void layer_norm(const Queue& queue, const void* x, DType x_dtype, NormWeights norm, float eps,
                std::int64_t rows, std::int64_t dim, void* y, DType y_dtype) {
  if (rows == 0) return;
  with_type(x_dtype, [&](auto in) {
    using X = decltype(in);
    const auto* const source = static_cast<const X*>(x);
    if (x_dtype == y_dtype) {
      run(queue, source, norm, eps, rows, dim, static_cast<X*>(y));
    } else if (x_dtype == DType::f32) {  // an f32 residual stream before narrower activations
      if (y_dtype == DType::f16) {
        run(queue, static_cast<const float*>(x), norm, eps, rows, dim, static_cast<__half*>(y));
      } else {
        run(queue, static_cast<const float*>(x), norm, eps, rows, dim,
            static_cast<__nv_bfloat16*>(y));
      }
    } else {
      throw std::invalid_argument("layer_norm: from 16 bits to another type");
    }
  });
}

}  // namespace quantring::cuda
