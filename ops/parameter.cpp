#include "ops/parameter.h"

#include <stdexcept>
#include <vector>

#include "ops/check.h"
#include "ops/half.h"
#include "ops/transfer.h"

namespace quantring {

Parameter::Parameter(Context& context, ConstTensor source) {
  if (source.dtype != DType::f32 && source.dtype != DType::f16) {
    check::fail("Parameter", "source", source, "f32 or f16");
  }
  tensor_ = {source.data, DType::f32, source.shape};
  const auto count = static_cast<std::size_t>(source.shape.elements());
  std::vector<float> widened;
  if (source.dtype == DType::f16) {
    widened.resize(count);
    halves_to_floats(static_cast<const std::uint16_t*>(source.data), widened.data(), count);
    tensor_.data = widened.data();
  }
  memory_ = Buffer(context, count * sizeof(float));
  upload(context, std::as_bytes(std::span(tensor_.f32(), count)), memory_.data());
  tensor_.data = memory_.data();
}

}  // namespace quantring
