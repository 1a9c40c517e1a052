#include "weights_tools/naming/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "ops/base/error.h"

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

}  // namespace

Naming apply_table(const NameTable& table, const TensorInfos& tensors) {
  Naming naming;
  naming.framework = table.framework;
  std::map<const NamePart*, std::vector<std::string>> unused;
  std::string unknown;
  for (const auto& [name, info] : tensors) {
    if (add_role(table, name, naming)) continue;
    if (const NamePart* part = find_part(table.refused, name)) {
      throw Error(
          fmt::format("the model has {} ('{}'), which QuantRing cannot run", part->meaning, name));
    }
    if (const NamePart* part = find_part(table.unused, name)) {
      unused[part].push_back(name);
    } else if (unknown.empty()) {
      unknown = name;
    }
  }
  if (!naming.roles.count("head.weight")) {
    throw Error(fmt::format(
        "the checkpoint has no classifier (features only): use a {} checkpoint that was trained "
        "with one, or add the file of a linear layer with --head",
        table.framework));
  }
  if (!unknown.empty()) {
    throw Error(fmt::format("tensor '{}' is not part of a {} model that QuantRing can run", unknown,
                            table.framework));
  }
  for (const auto& [part, names] : unused) {
    naming.unused.push_back(
        {"left out",
         names.size() == 1 ? names[0] : fmt::format("{}... ({} tensors)", names[0], names.size()),
         part->meaning});
  }
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
