#include "weights_tools/naming/vit_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

#include "ops/base/error.h"

namespace quantring::weights {
namespace {

// Components that wrappers put anywhere into names.
constexpr std::string_view wrappers[] = {"_orig_mod.", "_forward_module.", "_fsdp_wrapped_module.",
                                         "_checkpoint_wrapped_module."};

// Where each framework's names of the patch embedding begin, and a name that is beside it.
constexpr std::pair<std::string_view, std::string_view> anchors[] = {
    {"patch_embed.", "blocks.0."},
    {"embeddings.patch_embeddings.projection.weight", "embeddings."},
    {"embeddings.patch_embedding.weight", "encoder.layers.0."},
    {"conv_proj.weight", "encoder."}};

std::string without_wrappers(std::string name) {
  for (const std::string_view wrapper : wrappers) {
    for (std::size_t at = name.find(wrapper); at != std::string::npos;
         at = name.find(wrapper, at)) {
      const bool whole = at == 0 || name[at - 1] == '.';
      whole ? name.erase(at, wrapper.size()) : (at += wrapper.size(), name);
    }
  }
  return name;
}

bool any_begins_with(const TensorInfos& tensors, const std::string& prefix) {
  const auto first = tensors.lower_bound(prefix);
  return first != tensors.end() && first->first.rfind(prefix, 0) == 0;
}

std::set<std::string> prefixes_in(const TensorInfos& tensors) {
  std::set<std::string> prefixes;
  for (const auto& [name, info] : tensors) {
    for (const auto& [anchor, beside] : anchors) {
      const std::size_t at = name.find(anchor);
      if (at == std::string::npos || (at > 0 && name[at - 1] != '.')) continue;
      const std::string prefix = name.substr(0, at);
      if (any_begins_with(tensors, prefix + std::string(beside))) prefixes.insert(prefix);
    }
  }
  return prefixes;
}

// "model.vit." -> "model."
std::string parent_of(const std::string& prefix) {
  if (prefix.size() < 2) return {};
  const std::size_t dot = prefix.rfind('.', prefix.size() - 2);
  return dot == std::string::npos ? std::string() : prefix.substr(0, dot + 1);
}

bool has_classifier(const TensorInfos& tensors, const std::string& prefix) {
  return any_begins_with(tensors, prefix + "head") ||
         (!prefix.empty() && (any_begins_with(tensors, parent_of(prefix) + "classifier.") ||
                              any_begins_with(tensors, parent_of(prefix) + "cls_classifier.")));
}

std::string choose_prefix(const TensorInfos& tensors, std::set<std::string> prefixes) {
  if (prefixes.size() > 1) {
    std::set<std::string> whole;
    for (const std::string& prefix : prefixes)
      if (has_classifier(tensors, prefix)) whole.insert(prefix);
    if (!whole.empty()) prefixes = std::move(whole);
  }
  if (prefixes.size() > 1)
    throw Error(
        fmt::format("the file holds {} ViTs, named '{}...': save the one that is wanted on its own",
                    prefixes.size(), fmt::join(prefixes, "...', '")));
  return prefixes.empty() ? std::string() : *prefixes.begin();
}

void refuse_adapters(const TensorInfos& tensors) {
  for (const auto& [name, info] : tensors) {
    for (const char* const part :
         {"lora_A", "lora_B", "lora_embedding_", "lora_magnitude", ".base_layer.",
          "modules_to_save.", ".hada_w", ".lokr_w", ".oft_", ".ia3_"}) {
      if (name.find(part) == std::string::npos) continue;
      throw Error(fmt::format(
          "the file holds LoRA or other PEFT adapters ('{}') that are not merged into the model: "
          "load it with peft, then model = model.merge_and_unload() and save that",
          name));
    }
  }
}

}  // namespace

ViTNames find_vit(const TensorInfos& tensors) {
  refuse_adapters(tensors);
  TensorInfos plain;
  std::map<std::string, std::string> in_file;
  for (const auto& [name, info] : tensors) {
    // Of two names that differ in a wrapper only, one keeps it.
    const std::string bare = without_wrappers(name);
    const std::string& key = plain.count(bare) == 0 ? bare : name;
    plain.emplace(key, info);
    in_file.emplace(key, name);
  }
  const std::set<std::string> prefixes = prefixes_in(plain);
  const std::string prefix = choose_prefix(plain, prefixes), parent = parent_of(prefix);
  ViTNames vit;
  for (const bool inside : {true, false}) {
    for (const auto& [name, info] : plain) {
      const bool below = name.rfind(prefix, 0) == 0;
      if (below != inside) continue;
      std::string key = name.substr(below                        ? prefix.size()
                                    : name.rfind(parent, 0) == 0 ? parent.size()
                                                                 : 0);
      while (vit.tensors.count(key)) key.insert(0, "/");  // beside one of the ViT's
      if (!below) vit.outside.insert(key);
      for (const std::string& other : prefixes)
        if (!below && !other.empty() && name.rfind(other, 0) == 0) vit.others.insert(key);
      vit.tensors.emplace(key, info);
      const std::string& original = in_file.at(name);
      if (below && vit.prefix.size() + key.size() < original.size() && original.ends_with(key))
        vit.prefix = original.substr(0, original.size() - key.size());
      vit.original.emplace(key, original);
    }
  }
  return vit;
}

}  // namespace quantring::weights
