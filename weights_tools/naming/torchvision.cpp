// torchvision.models.VisionTransformer (https://github.com/pytorch/vision, also its files from
// before MLPBlock had numbered layers).

#include "weights_tools/naming/table.h"

namespace quantring::weights {
namespace {

const NameTable& torchvision_table() {
  static const NameTable table = [] {
    const std::string block = "encoder.layers.encoder_layer_#.";
    NameTable t;
    t.who = "torchvision";
    t.rules = {{"conv_proj.*", "patch.*"},
               {"class_token", "token.class"},
               {"encoder.pos_embedding", "position"},
               {block + "ln_1.*", "blocks.#.norm1.*"},
               {block + "self_attention.in_proj_weight", "blocks.#.attn.qkv.weight"},
               {block + "self_attention.in_proj_bias", "blocks.#.attn.qkv.bias"},
               {block + "self_attention.out_proj.*", "blocks.#.attn.proj.*"},
               {block + "ln_2.*", "blocks.#.norm2.*"},
               {block + "mlp.0.*", "blocks.#.mlp.fc1.*"},
               {block + "mlp.3.*", "blocks.#.mlp.fc2.*"},
               {block + "mlp.linear_1.*", "blocks.#.mlp.fc1.*"},
               {block + "mlp.linear_2.*", "blocks.#.mlp.fc2.*"},
               {"encoder.ln.*", "norm.*"},
               {"heads.head.*", "head.*"},
               {"heads.0.*", "head.*"}};
    t.refused = {{"pre_logits", "a further layer before the classifier (representation_size)"},
                 {"conv_proj.", "a convolutional stem"}};
    return t;
  }();
  return table;
}

}  // namespace

std::optional<Naming> read_torchvision_names(const TensorInfos& tensors, const ConfigFacts&) {
  if (!tensors.count("encoder.pos_embedding") || !tensors.count("class_token")) return std::nullopt;
  Naming naming = apply_table(torchvision_table(), tensors);
  const std::string source = "torchvision's VisionTransformer";
  naming.norm_eps = {1e-6f, source};
  naming.activation = {Activation::gelu_erf, source};
  naming.pooling = {Pooling::class_token, source};
  static const std::tuple<std::int64_t, int, const char*> sizes[] = {
      {768, 12, "vit_b"}, {1024, 16, "vit_l"}, {1280, 16, "vit_h"}};
  const auto& token = tensors.at("class_token").shape;
  for (const auto& [dim, heads, name] : sizes) {
    if (!token.empty() && token.back() == dim)
      naming.heads = {heads, std::string("torchvision's ") + name};
  }
  return naming;
}

}  // namespace quantring::weights
