// Hugging Face's config.json (transformers/models/{vit,deit,dinov2,...}/configuration_*.py).

#include <fmt/format.h>

#include <algorithm>

#include "weights_tools/config/config_readers.h"

namespace quantring::weights {
namespace {

void check_model_type(const JsonObject& root, const std::string& type) {
  static constexpr const char* accepted[] = {"vit", "deit", "dinov2", "dinov2_with_registers",
                                             "vit_msn"};
  if (std::find(std::begin(accepted), std::end(accepted), type) == std::end(accepted))
    root.refuse("model_type", fmt::format("only {} can be run", fmt::join(accepted, ", ")));
}

void read_activation(const JsonObject& root, ConfigFacts& facts) {
  // transformers/activations.py: ACT2CLS
  static const std::pair<const char*, Activation> known[] = {
      {"gelu", Activation::gelu_erf},
      {"gelu_python", Activation::gelu_erf},
      {"gelu_new", Activation::gelu_tanh},
      {"gelu_fast", Activation::gelu_tanh},
      {"gelu_accurate", Activation::gelu_tanh},
      {"gelu_pytorch_tanh", Activation::gelu_tanh},
      {"gelu_python_tanh", Activation::gelu_tanh},
      {"quick_gelu", Activation::gelu_quick}};
  const auto named = root.text("hidden_act");
  if (!named) return;
  for (const auto& [name, activation] : known) {
    if (named->value == name) facts.activation = {activation, named->source};
  }
  if (!facts.activation)
    root.refuse("hidden_act",
                "only gelu, gelu_new, gelu_fast, gelu_pytorch_tanh and quick_gelu can be run");
}

// transformers fills id2label with LABEL_0, LABEL_1, ... if the classes have no names.
bool are_placeholders(const std::vector<std::string>& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != fmt::format("LABEL_{}", i)) return false;
  }
  return true;
}

}  // namespace

void read_hugging_face_config(const JsonObject& root, ConfigFacts& facts) {
  facts.model_type = root.text("model_type");
  if (facts.model_type) check_model_type(root, facts.model_type->value);
  if (const auto swiglu = root.boolean("use_swiglu_ffn"); swiglu && swiglu->value)
    root.refuse("use_swiglu_ffn", "a SwiGLU MLP cannot be run");
  facts.dim = root.integer("hidden_size", 1, 1 << 30);
  facts.depth = root.integer("num_hidden_layers", 1, 1 << 30);
  // DINOv2 has mlp_ratio instead.
  if (!is_dinov2(facts)) facts.mlp_dim = root.integer("intermediate_size", 1, 1 << 30);
  facts.heads = root.integer("num_attention_heads", 1, 65536);
  if (const auto eps = root.number("layer_norm_eps", 1e-20, 1))
    facts.norm_eps = {static_cast<float>(eps->value), eps->source};
  facts.image_size = root.image_size("image_size");
  read_activation(root, facts);
  facts.labels = root.names("id2label", facts.labels_unusable);
  if (facts.labels && are_placeholders(facts.labels->value)) facts.labels.reset();
}

}  // namespace quantring::weights
