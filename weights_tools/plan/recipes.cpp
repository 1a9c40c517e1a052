#include "weights_tools/plan/recipes.h"

#include <fmt/format.h>

#include <set>

#include "ops/base/error.h"

namespace quantring::weights {
namespace {

class Maker {
 public:
  Maker(const Architecture& architecture, const Roles& roles, std::vector<Finding>& findings)
      : a_(architecture), roles_(roles), findings_(findings) {}

  std::map<std::string, Recipe> make(const PositionPlan& positions) {
    embedding(positions);
    for (int i = 0; i < a_.depth; ++i) block(fmt::format("blocks.{}.", i));
    norm("norm", roles_.has("pooled_norm.weight") ? "pooled_norm" : "norm", a_.dim);
    heads();
    for (const std::string& layer : without_bias_) {
      findings_.push_back({layer + " bias", "none, stored as zeros", "tensor names"});
    }
    return std::move(recipes_);
  }

 private:
  static Part zeros(std::int64_t rows, std::int64_t columns) {
    Part part;
    part.rows = rows;
    part.columns = columns;
    return part;
  }

  // role: with the block; layer: without, as in findings. A layer has a bias in every block or in
  // none.
  Part bias(const std::string& role, const std::string& layer, std::int64_t size) {
    if (roles_.has(role + ".bias")) return roles_.whole(role + ".bias", {size}, a_.heads);
    for (int i = 0; i < a_.depth; ++i) {
      if (roles_.has(fmt::format("blocks.{}.{}.bias", i, layer))) roles_.name(role + ".bias");
    }
    without_bias_.insert(layer);
    return zeros(size, 1);
  }

  void linear(const std::string& name, const std::string& role, const std::string& layer,
              const std::vector<std::int64_t>& shape) {
    recipes_[name + ".weight"] = {roles_.whole(role + ".weight", shape, a_.heads)};
    recipes_[name + ".bias"] = {bias(role, layer, shape[0])};
  }

  void norm(const std::string& name, const std::string& role, std::int64_t size) {
    recipes_[name + ".weight"] = {roles_.whole(role + ".weight", {size})};
    if (!roles_.has(role + ".bias")) {
      throw Error(
          fmt::format("'{}' has no bias: it is an RMSNorm or a layernorm without bias, neither of "
                      "which QuantRing "
                      "can run",
                      roles_.name(role + ".weight")));
    }
    recipes_[name + ".bias"] = {roles_.whole(role + ".bias", {size})};
  }

  void embedding(const PositionPlan& positions) {
    linear("embed.patch", "patch", "patch", {a_.dim, a_.channels, a_.patch_height, a_.patch_width});
    Recipe prefix;
    if (a_.has_class_token) prefix.push_back(roles_.whole("token.class", {1, a_.dim}));
    if (a_.has_distillation_token)
      prefix.push_back(roles_.whole("token.distillation", {1, a_.dim}));
    if (a_.registers > 0) prefix.push_back(roles_.whole("token.registers", {a_.registers, a_.dim}));
    if (!prefix.empty()) recipes_["embed.prefix"] = prefix;
    recipes_["embed.position"] = position(positions);
    if (a_.embed_norm) norm("embed.norm", "embed.norm", a_.dim);
  }

  Recipe position(const PositionPlan& p) {
    const std::int64_t from = std::int64_t{p.from.height} * p.from.width;
    Part table = roles_.whole("position", {p.prefix_rows + from, a_.dim});
    Recipe recipe;
    if (p.prefix_rows > 0) {
      recipe.push_back(table);
      recipe.back().rows = p.prefix_rows;
    }
    if (a_.prefix_tokens() > p.prefix_rows) {
      recipe.push_back(zeros(a_.prefix_tokens() - p.prefix_rows, a_.dim));
    }
    table.first_row = p.prefix_rows;
    table.rows = a_.patches();
    if (!(p.from == p.to)) table.resample = {p.from, p.to, p.how};
    recipe.push_back(table);
    return recipe;
  }

  void qkv(const std::string& block) {
    const std::string name = block + "attn.qkv", attn = block + "attn.";
    if (!roles_.has(attn + "q.weight")) {
      linear(name, name, "attn.qkv", {3 * a_.dim, a_.dim});
      return;
    }
    Recipe weight, biases;
    for (const char* layer : {"q", "k", "v"}) {
      weight.push_back(roles_.whole(attn + layer + ".weight", {a_.dim, a_.dim}, a_.heads));
      biases.push_back(bias(attn + layer, std::string("attn.") + layer, a_.dim));
    }
    recipes_[name + ".weight"] = weight;
    recipes_[name + ".bias"] = biases;
  }

  void block(const std::string& block) {
    norm(block + "norm1", block + "norm1", a_.dim);
    qkv(block);
    if (a_.qk_norm) {
      norm(block + "attn.q_norm", block + "attn.q_norm", a_.head_dim());
      norm(block + "attn.k_norm", block + "attn.k_norm", a_.head_dim());
    }
    linear(block + "attn.proj", block + "attn.proj", "attn.proj", {a_.dim, a_.dim});
    norm(block + "norm2", block + "norm2", a_.dim);
    linear(block + "mlp.fc1", block + "mlp.fc1", "mlp.fc1", {a_.mlp_dim, a_.dim});
    linear(block + "mlp.fc2", block + "mlp.fc2", "mlp.fc2", {a_.dim, a_.mlp_dim});
    if (a_.layer_scale) {
      recipes_[block + "scale1"] = {roles_.whole(block + "scale1", {a_.dim})};
      recipes_[block + "scale2"] = {roles_.whole(block + "scale2", {a_.dim})};
    }
  }

  void heads() {
    if (a_.pooling != Pooling::class_and_average) {
      linear("head", "head", "head", {a_.classes, a_.dim});
      if (a_.pooling == Pooling::class_and_distillation)
        linear("head_distillation", "head_distillation", "head_distillation", {a_.classes, a_.dim});
      return;
    }
    // The matrix over the concatenated inputs becomes two; the bias goes to the first.
    Part half = roles_.whole("head.weight", {a_.classes, 2 * a_.dim});
    half.columns = a_.dim;
    half.stored_columns = 2 * a_.dim;
    recipes_["head.weight"] = {half};
    recipes_["head.bias"] = {bias("head", "head", a_.classes)};
    half.first_column = a_.dim;
    recipes_["head_average.weight"] = {half};
    recipes_["head_average.bias"] = {zeros(a_.classes, 1)};
  }

  const Architecture& a_;
  const Roles& roles_;
  std::vector<Finding>& findings_;
  std::map<std::string, Recipe> recipes_;
  std::set<std::string> without_bias_;
};

}  // namespace

std::map<std::string, Recipe> make_recipes(const Architecture& architecture, const Roles& roles,
                                           const PositionPlan& positions,
                                           std::vector<Finding>& findings) {
  return Maker(architecture, roles, findings).make(positions);
}

}  // namespace quantring::weights
