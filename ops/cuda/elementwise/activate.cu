// Activations that no product's epilogue can compute.

#include "ops/cuda/activation.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/elementwise/elementwise.h"
#include "ops/cuda/number.h"

namespace quantring::cuda {
namespace {

template <class T>
__global__ void activate_all(Activation activation, T* y, std::int64_t count) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t step = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step) {
    y[i] = from_float<T>(activated(activation, to_float(y[i])));
  }
}

}  // namespace

void activate(const Queue& queue, Activation activation, void* y, DType dtype, std::int64_t count) {
  if (activation == Activation::none || count == 0) return;
  constexpr int threads = 256;
  const auto blocks = static_cast<unsigned>(
      std::min<std::int64_t>((count + threads - 1) / threads, queue.multiprocessors * 8));
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "activate", activate_all<T>, blocks, threads, 0, activation, static_cast<T*>(y),
           count);
  });
}

}  // namespace quantring::cuda
