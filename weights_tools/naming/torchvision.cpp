// torchvision.models.VisionTransformer (https://github.com/pytorch/vision), also in old files, in
// which the layers of MLPBlock have names.

#include <string>

#include "weights_tools/naming/table.h"

namespace quantring::weights {
namespace {

const NameTable& torchvision_table() {
  static const NameTable table = [] {
    const std::string block = "encoder.layers.encoder_layer_#.";
    NameTable t;
    t.framework = "torchvision";
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

// The number of heads is not in the file; torchvision has only these models.
std::optional<Fact<int>> published_heads(const TensorInfos& tensors, const Naming& naming) {
  struct Size {
    std::int64_t dim, mlp_dim;
    int depth, heads;
    const char* name;
  };
  static constexpr Size sizes[] = {{768, 3072, 12, 12, "torchvision's vit_b"},
                                   {1024, 4096, 24, 16, "torchvision's vit_l"},
                                   {1280, 5120, 32, 16, "torchvision's vit_h"}};
  const auto has_block = [&](int i) {
    return naming.roles.count("blocks." + std::to_string(i) + ".norm1.weight") != 0;
  };
  const auto fc1 = naming.roles.find("blocks.0.mlp.fc1.weight");
  if (fc1 == naming.roles.end()) return std::nullopt;
  for (const Size& size : sizes) {
    const bool same = tensors.at(fc1->second.tensor).shape == std::vector{size.mlp_dim, size.dim};
    if (same && has_block(size.depth - 1) && !has_block(size.depth))
      return Fact<int>{size.heads, size.name};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Naming> read_torchvision_names(const ViTNames& vit, const ConfigFacts&) {
  const TensorInfos& tensors = vit.tensors;
  if (!tensors.count("encoder.pos_embedding") || !tensors.count("class_token")) return std::nullopt;
  Naming naming = apply_table(torchvision_table(), vit);
  const std::string source = "torchvision's VisionTransformer";
  naming.norm_eps = {1e-6f, source};
  naming.activation = {Activation::gelu_erf, source};
  naming.pooling = {Pooling::class_token, source};
  naming.heads = published_heads(tensors, naming);
  return naming;
}

}  // namespace quantring::weights
