#include "ops/cuda/attention/attention.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/number.h"

namespace quantring::cuda {
namespace {

constexpr int warps = 4;

__device__ float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

// A warp normalises one vector: row x, query or key y of the 2 * heads.
template <class T>
__global__ void __launch_bounds__(warps * 32)
    qk_norm_kernel(T* __restrict__ qkv, std::int64_t vectors, int heads, int head_dim,
                   NormWeights q, NormWeights k, float eps) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t vector = static_cast<std::int64_t>(blockIdx.x) * warps + threadIdx.x / 32;
  if (vector >= vectors) return;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const auto part = static_cast<int>(vector % (2 * heads));
  T* const values = qkv + (vector / (2 * heads) * 3 * heads + part) * head_dim;
  const NormWeights norm = part < heads ? q : k;
  const float n = static_cast<float>(head_dim);
  float sum = 0;
  for (int i = lane; i < head_dim; i += 32) sum += to_float(values[i]);
  const float mean = warp_sum(sum) / n;
  float squares = 0;
  for (int i = lane; i < head_dim; i += 32) {
    const float difference = to_float(values[i]) - mean;
    squares = fmaf(difference, difference, squares);
  }
  const float scale = 1.0f / sqrtf(warp_sum(squares) / n + eps);
  for (int i = lane; i < head_dim; i += 32) {
    values[i] =
        from_float<T>(fmaf((to_float(values[i]) - mean) * scale, norm.gamma[i], norm.beta[i]));
  }
}

}  // namespace

void qk_norm(const Queue& queue, void* qkv, DType dtype, std::int64_t rows, std::int64_t dim,
             std::int64_t heads, NormWeights q, NormWeights k, float eps) {
  const std::int64_t vectors = rows * 2 * heads;
  if (vectors == 0) return;
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "the kernel of qk_norm", qk_norm_kernel<T>,
           dim3(static_cast<unsigned>((vectors + warps - 1) / warps)), dim3(warps * 32), 0,
           static_cast<T*>(qkv), vectors, static_cast<int>(heads), static_cast<int>(dim / heads), q,
           k, eps);
  });
}

}  // namespace quantring::cuda
