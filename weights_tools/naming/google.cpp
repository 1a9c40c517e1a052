// Google's Flax checkpoints: vision_transformer, AugReg (https://github.com/google-research/
// vision_transformer) and the plain ViTs of big_vision.

#include "ops/base/error.h"
#include "weights_tools/naming/table.h"

namespace quantring::weights {
namespace {

// A Dense layer or convolution: its kernel in the given layout.
void add_layer(NameTable& table, const std::string& name, const std::string& role,
               Part::Layout layout) {
  table.rules.push_back({name + "/kernel", role + ".weight", layout});
  table.rules.push_back({name + "/bias", role + ".bias"});
}

void add_norm(NameTable& table, const std::string& name, const std::string& role) {
  table.rules.push_back({name + "/scale", role + ".weight"});
  table.rules.push_back({name + "/bias", role + ".bias"});
}

// attention, mlp, norm2: Flax's numbers of these modules.
void add_block(NameTable& table, const std::string& block, const char* attention, const char* mlp,
               const char* norm2) {
  const std::string a = block + "MultiHeadDotProductAttention_" + attention;
  const std::string m = block + "MlpBlock_" + mlp;
  add_norm(table, block + "LayerNorm_0", "blocks.#.norm1");
  add_layer(table, a + "/query", "blocks.#.attn.q", Part::Layout::transposed);
  add_layer(table, a + "/key", "blocks.#.attn.k", Part::Layout::transposed);
  add_layer(table, a + "/value", "blocks.#.attn.v", Part::Layout::transposed);
  add_layer(table, a + "/out", "blocks.#.attn.proj", Part::Layout::transposed);
  add_norm(table, block + "LayerNorm_" + norm2, "blocks.#.norm2");
  add_layer(table, m + "/Dense_0", "blocks.#.mlp.fc1", Part::Layout::transposed);
  add_layer(table, m + "/Dense_1", "blocks.#.mlp.fc2", Part::Layout::transposed);
}

NameTable google_table(const std::string& prefix) {
  NameTable t;
  t.framework = "Google (Flax)";
  const std::string block = prefix + "Transformer/encoderblock_#/";
  add_layer(t, prefix + "embedding", "patch", Part::Layout::hwio);
  t.rules.push_back({prefix + "cls", "token.class"});
  t.rules.push_back({prefix + "Transformer/posembed_input/pos_embedding", "position"});
  t.rules.push_back({prefix + "pos_embedding", "position"});  // big_vision
  add_block(t, block, "1", "3", "2");
  add_block(t, block, "0", "0", "1");  // big_vision
  add_norm(t, prefix + "Transformer/encoder_norm", "norm");
  add_layer(t, prefix + "head", "head", Part::Layout::transposed);
  t.refused = {{"pre_logits", "a further layer before the classifier (pre_logits)"},
               {"MAPHead", "attention pooling (MAPHead)"},
               {"conv_root", "a convolutional network before the patches (hybrid)"},
               {"block1/", "a convolutional network before the patches (hybrid)"},
               {"encoderblock/", "all blocks stacked in one tensor (scan)"}};
  if (!prefix.empty()) t.unused = {{"opt", "the optimizer's state"}, {"state", "training state"}};
  return t;
}

// The kernels are [dim, heads, head_dim].
std::optional<Fact<int>> heads_in(const TensorInfos& tensors, const Naming& naming) {
  const auto query = naming.roles.find("blocks.0.attn.q.weight");
  if (query == naming.roles.end()) return std::nullopt;
  const auto& shape = tensors.at(query->second.tensor).shape;
  if (shape.size() != 3 || shape[1] < 1 || shape[1] > 1'000'000) return std::nullopt;
  return Fact<int>{static_cast<int>(shape[1]), "shape of '" + query->second.tensor + "'"};
}

}  // namespace

std::optional<Naming> read_google_names(const ViTNames& vit, const ConfigFacts&) {
  const TensorInfos& tensors = vit.tensors;
  for (const char* prefix : {"", "params/", "opt/target/", "target/"}) {
    if (!tensors.count(std::string(prefix) + "embedding/kernel")) continue;
    Naming naming = apply_table(google_table(prefix), vit);
    naming.heads = heads_in(tensors, naming);
    naming.norm_eps = {1e-6f, "Flax's LayerNorm"};
    naming.activation = {Activation::gelu_erf,
                         "as timm runs these files in PyTorch; Google's JAX code has the tanh "
                         "approximation, which --activation gelu_tanh gives"};
    naming.pooling = naming.roles.count("token.class")
                         ? Fact<Pooling>{Pooling::class_token, "'cls' in the file"}
                         : Fact<Pooling>{Pooling::average, "no class token in the file"};
    return naming;
  }
  return std::nullopt;
}

}  // namespace quantring::weights
