// Hugging Face's config.json (transformers/models/{vit,deit,dinov2,...}/configuration_*.py).

#include <fmt/format.h>

#include <algorithm>

#include "weights_tools/config/config_readers.h"

namespace quantring::weights {
namespace {

// What other model types have that a plain ViT has not.
struct OtherType {
  const char *type, *part;
};

constexpr OtherType other_types[] = {
    {"swin", "attention in shifted windows with relative positions"},
    {"swinv2", "attention in shifted windows with relative positions"},
    {"beit", "relative position biases"},
    {"data2vec-vision", "relative position biases"},
    {"dinov3_vit", "rotary position embeddings (RoPE)"},
    {"dinov3_convnext", "a convolutional network"},
    {"vjepa2", "rotary position embeddings (RoPE)"},
    {"clip",
     "a norm before the blocks and a class embedding under CLIP's names; timm's copies of "
     "CLIP (vit_*_clip_*) can be converted"},
    {"siglip2", "pictures of any aspect ratio"},
    {"vit_hybrid", "a convolutional network before the patches"},
    {"yolos", "detection tokens"},
    {"cvt", "convolutions in its attention"},
    {"levit", "convolutions and a shrinking sequence"},
    {"mobilevit", "convolutions between its blocks"},
    {"mobilevitv2", "convolutions between its blocks"},
    {"pvt", "a shrinking sequence"},
    {"pvt_v2", "a shrinking sequence"},
    {"segformer", "a shrinking sequence"},
    {"hiera", "a shrinking sequence"},
    {"poolformer", "pooling instead of attention"},
    {"efficientformer", "convolutions between its blocks"},
    {"convnext", "a convolutional network"},
    {"convnextv2", "a convolutional network"},
    {"resnet", "a convolutional network"},
    {"regnet", "a convolutional network"},
    {"efficientnet", "a convolutional network"},
    {"mobilenet_v2", "a convolutional network"},
    {"focalnet", "a convolutional network"},
    {"bit", "a convolutional network"},
    {"bert", "words instead of patches"},
    {"llama", "words instead of patches"}};

void check_model_type(const JsonObject& root, const std::string& type) {
  static constexpr const char* accepted[] = {"vit",     "deit",  "dinov2", "dinov2_with_registers",
                                             "vit_msn", "ijepa", "siglip", "siglip_vision_model",
                                             "vit_mae"};
  if (std::find(std::begin(accepted), std::end(accepted), type) != std::end(accepted)) return;
  for (const OtherType& other : other_types)
    if (type == other.type)
      root.refuse("model_type",
                  fmt::format("this model has {}, which QuantRing cannot run", other.part));
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

// "regression" is what transformers assumes of a single output, which then is a class that applies
// or not.
void read_problem_type(const JsonObject& root, ConfigFacts& facts) {
  const auto type = root.text("problem_type");
  if (!type) return;
  if (type->value != "single_label_classification" && type->value != "multi_label_classification" &&
      type->value != "regression")
    root.refuse("problem_type",
                "transformers has single_label_classification, multi_label_classification and "
                "regression");
  facts.independent_classes = {type->value != "single_label_classification",
                               type->source + " " + type->value};
  facts.regression = type->value == "regression";
}

void read_sizes(const JsonObject& root, ConfigFacts& facts) {
  facts.dim = root.integer("hidden_size", 1, 1 << 30);
  facts.depth = root.integer("num_hidden_layers", 1, 1 << 30);
  // DINOv2 has mlp_ratio instead.
  if (!is_dinov2(facts)) facts.mlp_dim = root.integer("intermediate_size", 1, 1 << 30);
  facts.heads = root.integer("num_attention_heads", 1, 65536);
  if (const auto eps = root.number("layer_norm_eps", 1e-20, 1))
    facts.norm_eps = {static_cast<float>(eps->value), eps->source};
  facts.image_size = root.image_size("image_size");
  read_activation(root, facts);
}

// SigLIP's tower: a section of the config, in which only what differs from the defaults of
// transformers' SiglipVisionConfig is written.
void read_siglip(const JsonObject& root, ConfigFacts& facts) {
  const JsonObject tower =
      facts.model_type->value == "siglip" ? root.object("vision_config") : root;
  const std::string source = "transformers' SiglipVisionConfig";
  const auto integer = [&](const char* key, int value) {
    return tower.integer(key, 1, 1 << 30).value_or(Fact<int>{value, source});
  };
  facts.dim = integer("hidden_size", 768);
  facts.depth = integer("num_hidden_layers", 12);
  facts.mlp_dim = integer("intermediate_size", 3072);
  facts.heads = integer("num_attention_heads", 12);
  facts.norm_eps = {1e-6f, source};
  if (const auto eps = tower.number("layer_norm_eps", 1e-20, 1))
    facts.norm_eps = {static_cast<float>(eps->value), eps->source};
  facts.image_size = tower.image_size("image_size").value_or(Fact<ImageSize>{{224, 224}, source});
  facts.activation = {Activation::gelu_tanh, source};
  if (tower.has("hidden_act")) {
    facts.activation.reset();
    read_activation(tower, facts);
  }
}

}  // namespace

void read_hugging_face_config(const JsonObject& root, ConfigFacts& facts) {
  facts.model_type = root.text("model_type");
  if (facts.model_type) check_model_type(root, facts.model_type->value);
  const bool siglip = facts.model_type && facts.model_type->value.rfind("siglip", 0) == 0;
  if (const auto swiglu = root.boolean("use_swiglu_ffn"); swiglu && swiglu->value)
    root.refuse("use_swiglu_ffn", "a SwiGLU MLP cannot be run");
  if (siglip) {
    read_siglip(root, facts);
  } else {
    read_sizes(root, facts);
  }
  read_problem_type(root, facts);
  if (const auto names = root.names("id2label", facts.labels_unusable)) {
    set_labels(*names, facts);
  } else if (std::optional<Fact<std::string>> ignored;
             const auto others = root.names("label2id", ignored)) {
    facts.labels_unusable.reset();
    set_labels(*others, facts);
  }
  if (facts.labels && are_placeholders(facts.labels->value)) facts.labels.reset();
}

}  // namespace quantring::weights
