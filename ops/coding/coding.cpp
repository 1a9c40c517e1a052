#include "ops/coding/coding.h"

#include <stdexcept>
#include <string>

#include "ops/backend.h"
#include "ops/check.h"

namespace quantring {
namespace {

void check_values(const Context& context, const char* op, const ConstTensor& values, int bits) {
  if ((bits < 2 || bits > 8) && bits != 16) {
    throw std::invalid_argument(std::string(op) + ": bits is " + std::to_string(bits) +
                                ", must be 2 to 8 or 16");
  }
  const bool known = values.dtype == DType::f32 || values.dtype == context.residual_dtype();
  if (!known || values.shape.rank() < 1 || values.shape.elements() < 1)
    check::fail(op, "values", values, "f32 or the residual dtype [images, ...]");
}

bool convertible(const Context& context, DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == context.residual_dtype();
}

}  // namespace

std::size_t quantize_scratch_bytes(const Context& context, std::int64_t images, std::int64_t each) {
  return context.backend().quantize_scratch_bytes(images, each);
}

void quantize(Context& context, ConstTensor values, Clip clip, int bits, void* scratch,
              GridRange* ranges, std::byte* codes) {
  check_values(context, "quantize", values, bits);
  context.backend().quantize(values, clip, bits, scratch, ranges, codes);
}

void dequantize(Context& context, const GridRange* ranges, const std::byte* codes, int bits,
                Tensor values) {
  check_values(context, "dequantize", values, bits);
  context.backend().dequantize(ranges, codes, bits, values);
}

void convert(Context& context, ConstTensor source, Tensor target) {
  const bool bytes = source.dtype == DType::u8 && target.dtype == DType::u8;
  if (!bytes && !(convertible(context, source.dtype) && convertible(context, target.dtype)))
    check::fail("convert", "source", source, "f32, f16 or the residual dtype");
  check::exact("convert", "target", target, target.dtype, source.shape);
  context.backend().convert(source, target);
}

}  // namespace quantring
