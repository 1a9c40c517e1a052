#include "ops/cpu/coding/coding.h"

#include <cstring>

#include "ops/check.h"
#include "ops/coding/bit_packing.h"
#include "ops/cpu/coding/clip.h"
#include "ops/cpu/coding/uniform_grid.h"
#include "ops/cpu/thread_pool.h"
#include "ops/half.h"

namespace quantring::cpu {
namespace {

struct Images {
  explicit Images(const Shape& shape, int bits)
      : count(shape[0]),
        each(static_cast<std::size_t>(shape.elements() / shape[0])),
        dim(static_cast<std::size_t>(token_values(shape))),
        code_bytes(packed_bytes(each, bits)) {}
  std::int64_t count;
  std::size_t each, dim, code_bytes;
};

}  // namespace

GridRange find_range(std::span<const float> values, std::size_t dim, Clip clip, int bits) {
  const coding::Extremes found = finite_extremes(values);
  return coding::grid_range(coding::clamped(found, find_clip(values, dim, found, clip, bits)));
}

void quantize(ThreadPool& pool, ConstTensor values, Clip clip, int bits, GridRange* ranges,
              std::byte* codes) {
  const Images images(values.shape, bits);
  pool.parallel_for(images.count, [&](std::int64_t i, int) {
    const std::size_t image = static_cast<std::size_t>(i);
    const std::span<const float> source(values.f32() + image * images.each, images.each);
    ranges[image] = find_range(source, images.dim, clip, bits);
    quantize(source, ranges[image], bits, {codes + image * images.code_bytes, images.code_bytes});
  });
}

void dequantize(ThreadPool& pool, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values) {
  const Images images(values.shape, bits);
  pool.parallel_for(images.count, [&](std::int64_t i, int) {
    const std::size_t image = static_cast<std::size_t>(i);
    dequantize(std::span(codes + image * images.code_bytes, images.code_bytes), ranges[image], bits,
               {values.f32() + image * images.each, images.each});
  });
}

void convert(ConstTensor source, Tensor target) {
  const auto count = static_cast<std::size_t>(source.shape.elements());
  if (source.dtype == target.dtype) {
    std::memcpy(target.data, source.data, source.bytes());
  } else if (source.dtype == DType::f32 && target.dtype == DType::f16) {
    floats_to_halves(source.f32(), static_cast<std::uint16_t*>(target.data), count);
  } else if (source.dtype == DType::f16 && target.dtype == DType::f32) {
    halves_to_floats(static_cast<const std::uint16_t*>(source.data), target.f32(), count);
  } else {
    check::fail("convert", "source", source, "f32 or f16");
  }
}

}  // namespace quantring::cpu
