#include "engine/codec/uniform_grid.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "ops/base/error.h"
#include "ops/coding/bit_packing.h"

namespace quantring {
namespace {

static_assert(sizeof(GridRange) == 2 * sizeof(float), "a range is (scale, offset) in the body");

std::size_t ranges_bytes(std::int64_t images) {
  return static_cast<std::size_t>(images) * sizeof(GridRange);
}

}  // namespace

std::uint64_t UniformGridCodec::max_body_bytes(int bits, TensorShape shape) const {
  return ranges_bytes(shape.images) + shape.images * packed_bytes(shape.elements_per_image(), bits);
}

std::size_t UniformGridCodec::scratch_bytes(const Context& context, TensorShape max) const {
  return quantize_scratch_bytes(context, max.images,
                                static_cast<std::int64_t>(max.elements_per_image()));
}

void UniformGridCodec::encode(Context& context, ConstTensor values, int bits, void* scratch,
                              std::byte* body) const {
  quantize(context, values, clip_, bits, scratch, reinterpret_cast<GridRange*>(body),
           body + ranges_bytes(values.shape[0]));
}

void UniformGridCodec::decode(Context& context, const std::byte* body, int bits,
                              Tensor values) const {
  dequantize(context, reinterpret_cast<const GridRange*>(body),
             body + ranges_bytes(values.shape[0]), bits, values);
}

void UniformGridCodec::check_body(std::span<const std::byte> body, int bits,
                                  TensorShape shape) const {
  Codec::check_body(body, bits, shape);
  for (std::size_t i = 0; i < shape.images; ++i) {
    GridRange range;
    std::memcpy(&range, body.data() + i * sizeof range, sizeof range);
    if (!std::isfinite(range.scale) || !std::isfinite(range.offset) || range.scale < 0.0F)
      throw Error(fmt::format(
          "{} scale {} and offset {} are wrong: both must be finite, scale not negative", name(),
          range.scale, range.offset));
  }
}

}  // namespace quantring
