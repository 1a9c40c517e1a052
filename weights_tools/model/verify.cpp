#include "weights_tools/model/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ops/base/error.h"
#include "ops/half.h"

namespace quantring::weights {
namespace {

bool all_finite(ConstTensor tensor) {
  const auto count = static_cast<std::size_t>(tensor.shape.elements());
  if (tensor.dtype == DType::f16) {
    const auto* halves = static_cast<const std::uint16_t*>(tensor.data);
    // All ones in the exponent: infinity or NaN.
    return std::none_of(halves, halves + count,
                        [](std::uint16_t half) { return (half & 0x7c00) == 0x7c00; });
  }
  return std::all_of(tensor.f32(), tensor.f32() + count,
                     [](float value) { return std::isfinite(value); });
}

}  // namespace

VerifyReport verify(const ModelFile& model) {
  VerifyReport report;
  for (const TensorSpec& spec : tensor_specs(model.architecture(), model.part())) {
    const ModelTensor tensor = model.tensor(spec.name);
    if (!all_finite(tensor)) {
      throw Error(fmt::format("'{}': tensor '{}' holds NaN or infinity", model.path(), spec.name));
    }
    ++report.tensors;
    report.parameters += static_cast<std::uint64_t>(tensor.shape.elements());
  }
  return report;
}

}  // namespace quantring::weights
