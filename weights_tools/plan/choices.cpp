#include "weights_tools/plan/choices.h"

#include <fmt/format.h>

#include "ops/base/error.h"

namespace quantring::weights {

const char* pooling_text(Pooling pooling) {
  switch (pooling) {
    case Pooling::class_token:
      return "class token";
    case Pooling::average:
      return "average of the patches";
    case Pooling::class_and_distillation:
      return "class and distillation token, mean of both heads' logits";
    case Pooling::class_and_average:
      return "class token and average of the patches, concatenated";
  }
  return "";
}

const char* activation_text(Activation activation) {
  if (activation == Activation::gelu_tanh) return "GELU, tanh approximation";
  return activation == Activation::gelu_quick ? "quick GELU" : "GELU, exact";
}

Fact<Activation> activation_hint(const std::string& name) {
  const std::string source = "--activation";
  if (name == "gelu") return {Activation::gelu_erf, source};
  if (name == "gelu_tanh") return {Activation::gelu_tanh, source};
  if (name == "gelu_quick") return {Activation::gelu_quick, source};
  throw OptionError(fmt::format("--activation {}: use gelu, gelu_tanh or gelu_quick", name));
}

Fact<Pooling> pooling_hint(const std::string& name) {
  if (name == "class_token") return {Pooling::class_token, "--pooling"};
  if (name == "average") return {Pooling::average, "--pooling"};
  throw OptionError(fmt::format("--pooling {}: use class_token or average", name));
}

}  // namespace quantring::weights
