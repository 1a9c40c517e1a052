// The names of timm's models, checked against timm itself: tests/weights/make_timm_models.py.

#include <algorithm>
#include <string_view>
#include <vector>

#include "weights_tools/config/config_readers.h"

namespace quantring::weights {
namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view name) {
  name = name.substr(0, name.find('.'));
  Words words;
  while (true) {
    const std::size_t end = name.find('_');
    words.push_back(name.substr(0, end));
    if (end == std::string_view::npos) return words;
    name.remove_prefix(end + 1);
  }
}

bool has(const Words& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_patch(std::string_view word) {
  return word.substr(0, 5) == "patch" && is_number(word.substr(5));
}

// Words of plain models. in21k, dino, sam: in the names of older versions.
bool is_plain(std::string_view word) {
  static constexpr std::string_view known[] = {"clip", "quickgelu", "siglip",    "gap",  "reg1",
                                               "reg4", "dinov2",    "tipsv2",    "plus", "36x1",
                                               "miil", "in21k",     "distilled", "dino", "sam"};
  return is_number(word) || is_patch(word) ||
         std::find(std::begin(known), std::end(known), word) != std::end(known);
}

int heads_of(const Words& words) {
  static constexpr std::pair<std::string_view, int> sizes[] = {
      {"tiny", 3},    {"xsmall", 4},    {"wee", 4},       {"dwee", 4},    {"little", 5},
      {"dlittle", 5}, {"small", 6},     {"medium", 8},    {"mediumd", 8}, {"betwixt", 10},
      {"base", 12},   {"so150m2", 13},  {"so150m", 14},   {"large", 16},  {"huge", 16},
      {"giant", 16},  {"giantopt", 16}, {"gigantic", 16}, {"so400m", 16}};
  const std::string_view size = words[1];
  if (size == "base" && has(words, "plus")) return 14;
  // I-JEPA's size, the only base model with 48 values per head.
  if (words == Words{"vit", "base", "patch16", "gap", "224"}) return 16;
  // These giant models have SwiGLU.
  if (size == "giant" && (has(words, "dinov2") || has(words, "tipsv2"))) return 0;
  const auto found = std::find_if(std::begin(sizes), std::end(sizes),
                                  [&](const auto& entry) { return entry.first == size; });
  return found == std::end(sizes) ? 0 : found->second;
}

int head_dim_of(const Words& words) {
  static constexpr std::pair<std::string_view, int> sizes[] = {
      {"so400m", 72}, {"huge", 80}, {"giant", 88}, {"giantopt", 96}, {"gigantic", 104}};
  if (words == Words{"vit", "base", "patch16", "gap", "224"}) return 48;
  const auto found = std::find_if(std::begin(sizes), std::end(sizes),
                                  [&](const auto& entry) { return entry.first == words[1]; });
  return found == std::end(sizes) ? 64 : found->second;
}

Activation activation_of(const Words& words) {
  if (has(words, "quickgelu")) return Activation::gelu_quick;
  // SigLIP 2, where the name distinguishes it from the first version.
  const std::string_view size = words[1];
  if (has(words, "siglip") &&
      (has(words, "patch32") || size == "giantopt" || (size == "large" && has(words, "512")) ||
       (size == "so400m" && has(words, "patch16"))))
    return Activation::gelu_tanh;
  return Activation::gelu_erf;
}

}  // namespace

std::optional<TimmModel> plain_timm_model(const std::string& name) {
  const Words words = words_of(name);
  if (words == Words{"test", "vit"})
    return TimmModel{2, 64, 1e-6f, Activation::gelu_erf, Pooling::class_token};
  if (words == Words{"test", "vit2"})
    return TimmModel{2, 64, 1e-6f, Activation::gelu_erf, Pooling::average};
  if (words.size() == 2 && words[0] == "flexivit" && heads_of(words) != 0)
    return TimmModel{heads_of(words), heads_of(words) * head_dim_of(words), 1e-6f,
                     Activation::gelu_erf, Pooling::class_token};
  if (words[0] == "eva" && words.size() == 4 && words[1] == "large" && is_patch(words[2]))
    return TimmModel{16, 1024, 1e-6f, Activation::gelu_erf, Pooling::average};
  if (words.size() < 3) return std::nullopt;
  if (words[0] != "vit" && words[0] != "deit" && words[0] != "deit3") return std::nullopt;
  if (!std::all_of(words.begin() + 2, words.end(), is_plain)) return std::nullopt;
  if (std::none_of(words.begin(), words.end(), is_patch)) return std::nullopt;
  if (has(words, "siglip") && !has(words, "gap")) return std::nullopt;  // attention pooling
  const int heads = heads_of(words);
  if (heads == 0) return std::nullopt;
  return TimmModel{heads, heads * head_dim_of(words), has(words, "clip") ? 1e-5f : 1e-6f,
                   activation_of(words),
                   has(words, "gap") ? Pooling::average : Pooling::class_token};
}

std::string unsupported_timm_part(const std::string& name) {
  const Words words = words_of(name);
  if (words[0] != "vit" && words[0] != "test") return {};
  for (const auto* word : {"rope", "dinov3", "lingbot", "sapiens2", "pe"}) {
    if (has(words, word)) return "rotary position embeddings";
  }
  for (const auto* word : {"relpos", "srelpos"}) {
    if (has(words, word)) return "relative position embeddings";
  }
  if (has(words, "rpn")) return "layernorms after attention and MLP instead of before";
  for (const auto* word : {"xp", "18x2", "pwee", "dpwee"}) {
    if (has(words, word)) return "parallel blocks";
  }
  return {};
}

}  // namespace quantring::weights
