// The products with a basis and with its inverse.

#include "ops/coding/integer_rows.h"
#include "ops/cuda/device/launch.h"
#include "ops/cuda/number.h"
#include "ops/cuda/transform/integer_product.cuh"
#include "ops/cuda/transform/transform_part.cuh"

namespace quantring::cuda {
namespace {

// One number or two; aligned: two may be written at once.
template <class T>
__device__ void put_pair(T* target, bool both, bool aligned, float a, float b) {
  struct alignas(2 * sizeof(T)) Two {
    T a, b;
  };
  if (both && aligned) {
    *reinterpret_cast<Two*>(target) = {from_float<T>(a), from_float<T>(b)};
  } else {
    target[0] = from_float<T>(a);
    if (both) target[1] = from_float<T>(b);
  }
}

__global__ void __launch_bounds__(product_threads)
    analyse_kernel(ByteProduct patches, ByteProduct prefix, TransformCode code,
                   TransformScratch s) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t patch_tiles = patches.tiles();
  const bool of_prefix = blockIdx.x >= patch_tiles;
  const ByteProduct& product = of_prefix ? prefix : patches;
  const float* const row_units = of_prefix ? s.rows.prefix_units : s.rows.patch_units;
  float* const target = of_prefix ? s.prefix : s.patches;
  multiply_tile(product, of_prefix ? blockIdx.x - patch_tiles : blockIdx.x,
                [&](std::int64_t row, int col, std::int32_t a, std::int32_t b) {
                  const float unit = row_units[row];
                  float* const y = target + row * product.cols + col;
                  put_pair(y, col + 1 < product.cols, product.cols % 2 == 0,
                           coding::row_value(a, unit, code.analysis.units[col]),
                           col + 1 < product.cols
                               ? coding::row_value(b, unit, code.analysis.units[col + 1])
                               : 0.0F);
                });
}

template <class T>
__global__ void __launch_bounds__(product_threads)
    synthesise_kernel(ByteProduct patches, ByteProduct prefix, TransformCode code,
                      TransformScratch s, const std::byte* body, int images, T* values) {
  wait_for_predecessor();
  release_successor();
  const std::int64_t patch_tiles = patches.tiles();
  const bool of_prefix = blockIdx.x >= patch_tiles;
  const ByteProduct& product = of_prefix ? prefix : patches;
  const float* const row_units = of_prefix ? s.rows.prefix_units : s.rows.patch_units;
  const float* const units = of_prefix ? code.prefix_synthesis.units : code.patch_synthesis.units;
  const int each = of_prefix ? code.prefix : code.rows * code.cols;
  const int tokens = code.prefix + code.rows * code.cols;
  multiply_tile(product, of_prefix ? blockIdx.x - patch_tiles : blockIdx.x,
                [&](std::int64_t row, int col, std::int32_t a, std::int32_t b) {
                  const std::int64_t image = row / each;
                  if (is_plain(body, image)) return;
                  const std::int64_t token = row % each + (of_prefix ? 0 : code.prefix);
                  const float* const mean = code.mean + token * code.dim + col;
                  T* const y = values + (image * tokens + token) * code.dim + col;
                  const float unit = row_units[row];
                  const bool both = col + 1 < product.cols;
                  put_pair(
                      y, both, code.dim % 2 == 0,
                      __fadd_rn(coding::row_value(a, unit, units[col]), mean[0]),
                      both ? __fadd_rn(coding::row_value(b, unit, units[col + 1]), mean[1]) : 0.0F);
                });
  // Plain images, shared out to all blocks.
  for (int image = 0; image < images; ++image) {
    if (!is_plain(body, image)) continue;
    const std::int64_t count = std::int64_t{tokens} * code.dim;
    decode_plain(part_of(body, images, image), values + image * count, count);
  }
}

}  // namespace

void transform_analyse(const Queue& queue, const TransformCall& call) {
  const TransformCode& c = call.code;
  const int depth = static_cast<int>(transform_padded(c.dim));
  const ByteProduct patches{call.scratch.rows.patch_planes,
                            std::int64_t{call.images} * c.patches(),
                            c.analysis.planes,
                            c.dim,
                            c.components,
                            depth};
  const ByteProduct prefix{call.scratch.rows.prefix_planes,
                           std::int64_t{call.images} * c.prefix,
                           c.analysis.planes,
                           c.dim,
                           c.dim,
                           depth};
  const std::int64_t tiles = patches.tiles() + prefix.tiles();
  if (tiles == 0) return;
  launch(queue, "the kernel of klt's basis", analyse_kernel, dim3(static_cast<unsigned>(tiles)),
         dim3(product_threads), product_shared_bytes, patches, prefix, c, call.scratch);
}

void transform_synthesise(const Queue& queue, const TransformCall& call, const std::byte* body,
                          Tensor values) {
  const TransformCode& c = call.code;
  const ByteProduct patches{call.scratch.rows.patch_planes,
                            std::int64_t{call.images} * c.patches(),
                            c.patch_synthesis.planes,
                            c.dim,
                            c.dim,
                            static_cast<int>(transform_padded(c.components))};
  const ByteProduct prefix{call.scratch.rows.prefix_planes,
                           std::int64_t{call.images} * c.prefix,
                           c.prefix_synthesis.planes,
                           c.dim,
                           c.dim,
                           static_cast<int>(transform_padded(c.dim))};
  with_type(values.dtype, [&](auto type) {
    using T = decltype(type);
    launch(queue, "the kernel of klt's inverse basis", synthesise_kernel<T>,
           dim3(static_cast<unsigned>(patches.tiles() + prefix.tiles())), dim3(product_threads),
           product_shared_bytes, patches, prefix, c, call.scratch, body, call.images,
           static_cast<T*>(values.data));
  });
}

}  // namespace quantring::cuda
