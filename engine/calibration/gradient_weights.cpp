#include "engine/calibration/gradient_weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/half.h"

namespace quantring {
namespace {

std::vector<float> floats(const ModelTensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.shape.elements()));
  if (tensor.dtype == DType::f32) {
    std::copy_n(tensor.f32(), values.size(), values.begin());
  } else {
    halves_to_floats(static_cast<const std::uint16_t*>(tensor.data), values.data(), values.size());
  }
  return values;
}

// W', with output o of the layer multiplied by scale[o].
Linear transposed(Context& context, const ModelFile& model, const std::string& name,
                  const std::vector<float>& scale) {
  const ModelTensor tensor = model.tensor(name + ".weight");
  const std::vector<float> weight = floats(tensor);
  const auto out = static_cast<std::size_t>(tensor.shape[0]), in = weight.size() / out;
  std::vector<float> result(weight.size());
  constexpr std::size_t together = 16;  // columns: a cache line of each row
  for (std::size_t first = 0; first < in; first += together) {
    const std::size_t end = std::min(in, first + together);
    for (std::size_t o = 0; o < out; ++o) {
      for (std::size_t i = first; i < end; ++i) {
        result[i * out + o] = weight[o * in + i] * (scale.empty() ? 1.0f : scale[o]);
      }
    }
  }
  const Shape shape{static_cast<std::int64_t>(in), static_cast<std::int64_t>(out)};
  return Linear(context, {result.data(), DType::f32, shape}, {});
}

}  // namespace

GradientWeights load_gradient_weights(Context& context, const ModelFile& model) {
  const Architecture& a = model.architecture();
  const auto layer_scale = [&](const std::string& name) {
    return a.layer_scale ? floats(model.tensor(name)) : std::vector<float>();
  };
  GradientWeights weights;
  for (int i = 0; i < a.depth; ++i) {
    const std::string block = fmt::format("blocks.{}.", i);
    weights.halves.push_back(
        {transposed(context, model, block + "attn.proj", layer_scale(block + "scale1")),
         transposed(context, model, block + "attn.qkv", {})});
    weights.halves.push_back(
        {transposed(context, model, block + "mlp.fc2", layer_scale(block + "scale2")),
         transposed(context, model, block + "mlp.fc1", {})});
  }
  std::vector<float> share;
  if (a.pooling == Pooling::class_and_distillation) {
    share.assign(static_cast<std::size_t>(a.classes), 0.5f);
  }
  weights.head = transposed(context, model, "head", share);
  if (a.has_second_head()) weights.second_head = transposed(context, model, a.second_head(), share);
  return weights;
}

}  // namespace quantring
