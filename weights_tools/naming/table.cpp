#include "weights_tools/naming/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "ops/base/error.h"
#include "weights_tools/naming/head_search.h"

namespace quantring::weights {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The values of '#' and '*'.
struct Captured {
  std::string_view block, kind;
};

std::optional<Captured> match(std::string_view pattern, std::string_view name) {
  // Most names differ before the number of the block.
  std::size_t at = std::min(pattern.find_first_of("#*"), pattern.size());
  if (name.substr(0, at) != pattern.substr(0, at)) return std::nullopt;
  Captured captured;
  for (const char c : pattern.substr(at)) {
    if (c == '*') {  // always the last
      captured.kind = name.substr(at);
      const bool known = captured.kind == "weight" || captured.kind == "bias";
      return known ? std::optional(captured) : std::nullopt;
    }
    if (c == '#') {
      const std::size_t begin = at;
      while (at < name.size() && is_digit(name[at])) ++at;
      captured.block = name.substr(begin, at - begin);
      // "01" is refused: two tensors could have the same block number.
      const bool padded = captured.block.size() > 1 && captured.block[0] == '0';
      if (captured.block.empty() || captured.block.size() > 4 || padded) return std::nullopt;
    } else if (at == name.size() || name[at++] != c) {
      return std::nullopt;
    }
  }
  return at == name.size() ? std::optional(captured) : std::nullopt;
}

std::string role_of(const std::string& pattern, const Captured& captured) {
  std::string role;
  for (const char c : pattern) {
    if (c == '#') {
      role += captured.block;
    } else if (c == '*') {
      role += captured.kind;
    } else {
      role += c;
    }
  }
  return role;
}

const NamePart* find_part(const std::vector<NamePart>& parts, const std::string& name) {
  for (const NamePart& part : parts) {
    if (name.find(part.fragment) != std::string::npos) return &part;
  }
  return nullptr;
}

// The width of the model; 0 if that is not known.
std::int64_t width_of(const TensorInfos& tensors, const Naming& naming) {
  const auto patch = naming.roles.find("patch.weight");
  if (patch == naming.roles.end()) return 0;
  const auto& shape = tensors.at(patch->second.tensor).shape;
  if (shape.empty()) return 0;
  return patch->second.layout == Part::Layout::hwio ? shape.back() : shape.front();
}

bool add_role(const NameTable& table, const std::string& name, Naming& naming) {
  for (const NameRule& rule : table.rules) {
    const auto captured = match(rule.name, name);
    if (!captured) continue;
    const auto [place, added] =
        naming.roles.try_emplace(role_of(rule.role, *captured), RoleSource{name, rule.layout});
    if (!added) {
      throw Error(fmt::format("tensors '{}' and '{}' have the same role in the model",
                              place->second.tensor, name));
    }
    return true;
  }
  return false;
}

// The modules of the ViT itself, of which no tensor may be left out.
std::set<std::string> modules_in(const NameTable& table) {
  std::set<std::string> modules;
  for (const NameRule& rule : table.rules)
    if (rule.role.rfind("head", 0) != 0) modules.insert(module_of(rule.name));
  return modules;
}

// Losses, metrics, decoders and the like, by a component of their names.
bool for_training(const std::string& name) {
  static constexpr std::array fragments = {
      "loss",       "criterion",   "metric",       "accura",     "auroc",     "confmat",
      "decoder",    "projector",   "projection",   "predictor",  "optimizer", "scheduler",
      "n_averaged", "num_updates", "class_weight", "pos_weight", "queue",     "mask_token"};
  static constexpr std::array endings = {"_acc", "_f1", "_auc", "_precision", "_recall"};
  std::string module = module_of(name);
  std::transform(module.begin(), module.end(), module.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(fragments.begin(), fragments.end(),
                     [&](const char* part) { return module.find(part) != std::string::npos; }) ||
         std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return module.ends_with(ending); });
}

// Whether a tensor that nothing explains may be a layer between the ViT and its classifier, or
// within the ViT.
bool may_take_part(const ViTNames& vit, const std::string& name, std::int64_t dim) {
  const auto& shape = vit.tensors.at(name).shape;
  const auto is_dim = [dim](std::int64_t size) { return size == dim; };
  if (vit.others.count(name) != 0) return false;
  if (vit.outside.count(name) == 0) return std::any_of(shape.begin(), shape.end(), is_dim);
  // Of another network beside the ViT.
  if (std::count(name.begin(), name.end(), '.') > 3) return false;
  const bool square_or_vector = shape.size() == 1 || shape.size() == 2;
  return square_or_vector && !shape.empty() && std::all_of(shape.begin(), shape.end(), is_dim);
}

// One finding a module.
std::vector<Finding> left_out(const ViTNames& vit,
                              const std::map<std::string, std::vector<std::string>>& reasons) {
  std::vector<Finding> findings;
  for (const auto& [reason, names] : reasons) {
    std::map<std::string, std::vector<std::string>> modules;
    for (const std::string& name : names) modules[module_of(name)].push_back(vit.original.at(name));
    for (const auto& [module, tensors] : modules)
      findings.push_back({"left out",
                          tensors.size() == 1
                              ? tensors[0]
                              : fmt::format("{}... ({} tensors)", tensors[0], tensors.size()),
                          reason});
  }
  return findings;
}

}  // namespace

Naming apply_table(const NameTable& table, const ViTNames& vit) {
  Naming naming;
  naming.framework = table.framework;
  const std::set<std::string> modules = modules_in(table);
  std::map<std::string, std::vector<std::string>> unused;  // reason -> names
  std::set<std::string> unknown;
  for (const auto& [name, info] : vit.tensors) {
    if (add_role(table, name, naming)) continue;
    const bool outside = vit.outside.count(name) != 0;
    const bool part_of_vit =
        !outside && (modules.count(module_of(name)) != 0 || name.find('/') != std::string::npos);
    if (!part_of_vit && for_training(name)) {
      unused["for training only"].push_back(name);
      continue;
    }
    const NamePart* const refused = outside ? nullptr : find_part(table.refused, name);
    if (refused != nullptr) {
      throw Error(fmt::format("the model has {} ('{}'), which QuantRing cannot run",
                              refused->meaning, vit.original.at(name)));
    }
    if (const NamePart* part = find_part(table.unused, name)) {
      unused[part->meaning].push_back(name);
    } else {
      unknown.insert(name);
    }
  }
  const std::int64_t dim = width_of(vit.tensors, naming);
  if (dim > 0) find_head(vit, dim, naming, unknown);
  if (!naming.roles.count("head.weight")) {
    throw Error(fmt::format(
        "the checkpoint has no classifier (features only): use a {} checkpoint that was trained "
        "with one, or add the file of a linear layer with --head",
        table.framework));
  }
  for (const std::string& name : unknown) {
    const bool part_of_vit = vit.outside.count(name) == 0 && modules.count(module_of(name)) != 0;
    if (part_of_vit || name.find('/', 1) != std::string::npos || may_take_part(vit, name, dim))
      throw Error(fmt::format("tensor '{}' is not part of a {} model that QuantRing can run",
                              vit.original.at(name), table.framework));
    unused["beside the ViT"].push_back(name);
  }
  const auto findings = left_out(vit, unused);
  naming.unused.insert(naming.unused.end(), findings.begin(), findings.end());
  return naming;
}

bool head_over_both(const TensorInfos& tensors, const Naming& naming) {
  const auto patch = naming.roles.find("patch.weight");
  if (patch == naming.roles.end()) return false;
  const auto& head = tensors.at(naming.roles.at("head.weight").tensor).shape;
  const auto& dim = tensors.at(patch->second.tensor).shape;
  return head.size() == 2 && !dim.empty() && dim[0] > 0 && head[1] % 2 == 0 &&
         head[1] / 2 == dim[0];
}

}  // namespace quantring::weights
