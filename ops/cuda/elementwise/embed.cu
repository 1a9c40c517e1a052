// The memory-bound halves of the patch embedding, and pooling.

#include <algorithm>

#include "ops/cuda/device/launch.h"
#include "ops/cuda/elementwise/elementwise.h"
#include "ops/cuda/vector.h"
#include "ops/embed.h"

namespace quantring::cuda {
namespace {

constexpr int threads = 256;

unsigned blocks_for(std::int64_t work) {
  return static_cast<unsigned>((work + threads - 1) / threads);
}

// Passed as a kernel parameter.
struct Normalisation {
  float mean[max_channels], std[max_channels];
};

// `width` consecutive pixels of one row of one patch; consecutive threads write consecutive memory.
template <int width, class Pixel, class T>
__global__ void cut(const Pixel* pixels, PatchShape shape, Normalisation normalisation,
                    std::int64_t count, T* patches) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t index = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  if (index >= count) return;
  const std::int64_t across = shape.width / shape.patch_w, down = shape.height / shape.patch_h;
  std::int64_t rest = index;
  const auto next = [&rest](std::int64_t size) {
    const std::int64_t at = rest % size;
    rest /= size;
    return at;
  };
  const std::int64_t x = next(shape.patch_w / width) * width, y = next(shape.patch_h);
  const std::int64_t channel = next(shape.channels);
  const std::int64_t patch_x = next(across), patch_y = next(down), image = rest;
  const Pixel* const source =
      pixels +
      ((image * shape.channels + channel) * shape.height + patch_y * shape.patch_h + y) *
          shape.width +
      patch_x * shape.patch_w + x;
  float values[width];
  if constexpr (sizeof(Pixel) == 1) {
    const float mean = normalisation.mean[channel], std = normalisation.std[channel];
    Pixel bytes[width];
    if constexpr (width == vector_width) {
      *reinterpret_cast<uint2*>(bytes) = *reinterpret_cast<const uint2*>(source);
    } else {
      bytes[0] = source[0];
    }
#pragma unroll
    for (int i = 0; i < width; ++i) {
      values[i] = (static_cast<float>(bytes[i]) / 255.0f - mean) / std;
    }
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i) values[i] = source[i];
  }
  if constexpr (width == vector_width) {
    store_vector(values, patches + index * width);
  } else {
    patches[index] = from_float<T>(values[0]);
  }
}

template <class Pixel, class T>
void cut_all(const Queue& queue, const Pixel* pixels, const PatchShape& shape,
             const Normalisation& normalisation, T* patches) {
  const std::int64_t count = shape.images * shape.channels * shape.height * shape.width;
  const bool vectors = shape.patch_w % vector_width == 0 && shape.width % vector_width == 0 &&
                       reinterpret_cast<std::uintptr_t>(pixels) % 16 == 0;
  if (vectors) {
    const std::int64_t work = count / vector_width;
    launch(queue, "extract_patches", cut<vector_width, Pixel, T>, blocks_for(work), threads, 0,
           pixels, shape, normalisation, work, patches);
  } else {
    launch(queue, "extract_patches", cut<1, Pixel, T>, blocks_for(count), threads, 0, pixels, shape,
           normalisation, count, patches);
  }
}

template <int width, class T>
__device__ inline void read(const T* source, float (&values)[width]) {
  if constexpr (width == vector_width) {
    load_vector(source, values);
  } else {
    values[0] = to_float(source[0]);
  }
}

// `width` columns of one token per thread.
template <int width, class E, class T>
__global__ void assemble(const E* embedded, const float* prefix_tokens, const float* position,
                         TokenShape shape, std::int64_t count, T* tokens) {
  const std::int64_t index = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  wait_for_predecessor();
  release_successor();
  if (index >= count) return;
  const std::int64_t across = shape.dim / width;
  const std::int64_t column = index % across * width, row = index / across;
  const std::int64_t token = row % shape.tokens, image = row / shape.tokens;
  float values[width], places[width];
  if (token < shape.prefix) {
    read(prefix_tokens + token * shape.dim + column, values);
  } else {
    const std::int64_t patch = image * (shape.tokens - shape.prefix) + token - shape.prefix;
    read(embedded + patch * shape.dim + column, values);
  }
  read(position + token * shape.dim + column, places);
#pragma unroll
  for (int i = 0; i < width; ++i) values[i] += places[i];
  if constexpr (width == vector_width) {
    store_vector(values, tokens + index * width);
  } else {
    tokens[index] = from_float<T>(values[0]);
  }
}

template <class T>
__global__ void take_token(const T* tokens, TokenShape shape, std::int64_t count, T* pooled) {
  const std::int64_t index = std::int64_t{blockIdx.x} * threads + threadIdx.x;
  wait_for_predecessor();
  release_successor();
  if (index >= count) return;
  const std::int64_t image = index / shape.dim, column = index % shape.dim;
  pooled[index] = tokens[(image * shape.tokens + shape.prefix) * shape.dim + column];
}

// A block computes 32 columns of one image; its eight warps divide the tokens.
constexpr int average_columns = 32, average_groups = 8;
template <class T>
__global__ void average_tokens(const T* tokens, TokenShape shape, T* pooled) {
  __shared__ float sums[average_groups][average_columns];
  const int lane = static_cast<int>(threadIdx.x), group = static_cast<int>(threadIdx.y);
  const std::int64_t image = blockIdx.y;
  const std::int64_t column = std::int64_t{blockIdx.x} * average_columns + lane;
  wait_for_predecessor();
  release_successor();
  float sum = 0;
  if (column < shape.dim) {
    for (std::int64_t token = shape.prefix + group; token < shape.tokens; token += average_groups) {
      sum += to_float(tokens[(image * shape.tokens + token) * shape.dim + column]);
    }
  }
  sums[group][lane] = sum;
  __syncthreads();
  if (group != 0 || column >= shape.dim) return;
  for (int other = 1; other < average_groups; ++other) sum += sums[other][lane];
  pooled[image * shape.dim + column] =
      from_float<T>(sum / static_cast<float>(shape.tokens - shape.prefix));
}

}  // namespace

void extract_patches(const Queue& queue, const void* pixels, DType pixels_dtype, PatchShape shape,
                     std::span<const float> mean, std::span<const float> std, void* patches,
                     DType dtype) {
  if (shape.images == 0) return;
  Normalisation normalisation{};
  std::copy(mean.begin(), mean.end(), normalisation.mean);
  std::copy(std.begin(), std.end(), normalisation.std);
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    if (pixels_dtype == DType::u8) {
      cut_all(queue, static_cast<const std::uint8_t*>(pixels), shape, normalisation,
              static_cast<T*>(patches));
    } else {
      cut_all(queue, static_cast<const float*>(pixels), shape, normalisation,
              static_cast<T*>(patches));
    }
  });
}

void assemble_tokens(const Queue& queue, const void* embedded, DType embedded_dtype,
                     const float* prefix_tokens, const float* position, TokenShape shape,
                     void* tokens, DType tokens_dtype) {
  const std::int64_t count = shape.images * shape.tokens * shape.dim;
  if (count == 0) return;
  const auto run = [&](auto from, auto to) {
    using E = decltype(from);
    using T = decltype(to);
    const auto start = [&](auto kernel, std::int64_t work) {
      launch(queue, "assemble_tokens", kernel, blocks_for(work), threads, 0,
             static_cast<const E*>(embedded), prefix_tokens, position, shape, work,
             static_cast<T*>(tokens));
    };
    const bool vectors = vectors_fit(embedded, shape.dim) && vectors_fit(tokens, shape.dim) &&
                         vectors_fit(prefix_tokens, shape.dim) && vectors_fit(position, shape.dim);
    if (vectors) {
      start(assemble<vector_width, E, T>, count / vector_width);
    } else {
      start(assemble<1, E, T>, count);
    }
  };
  with_type(embedded_dtype, [&](auto from) {
    if (tokens_dtype == DType::f32) {
      run(from, float());
    } else {
      run(from, from);
    }
  });
}

void pool_token(const Queue& queue, const void* tokens, TokenShape shape, void* pooled,
                DType dtype) {
  const std::int64_t count = shape.images * shape.dim;
  if (count == 0) return;
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "pool_token", take_token<T>, blocks_for(count), threads, 0,
           static_cast<const T*>(tokens), shape, count, static_cast<T*>(pooled));
  });
}

void pool_average(const Queue& queue, const void* tokens, TokenShape shape, void* pooled,
                  DType dtype) {
  if (shape.images == 0 || shape.dim == 0) return;
  const dim3 grid(static_cast<unsigned>((shape.dim + average_columns - 1) / average_columns),
                  static_cast<unsigned>(shape.images));
  with_type(dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "pool_average", average_tokens<T>, grid, dim3(average_columns, average_groups), 0,
           static_cast<const T*>(tokens), shape, static_cast<T*>(pooled));
  });
}

}  // namespace quantring::cuda
