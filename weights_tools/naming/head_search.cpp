#include "weights_tools/naming/head_search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "engine/model/safetensors.h"
#include "ops/base/error.h"

namespace quantring::weights {
namespace {

// The usual first, in case that there are several.
constexpr std::array usual_names = {
    "head",        "classifier",   "cls_classifier",     "fc",     "heads",
    "cls_head",    "mlp_head",     "class_head",         "fc_out", "linear",
    "linear_head", "clf",          "linear_probe",       "probe",  "last_layer",
    "out",         "output_layer", "classification_head"};

std::size_t rank_of(const std::string& name) {
  const std::string module = module_of(name);
  const auto found = std::find(usual_names.begin(), usual_names.end(), module);
  return static_cast<std::size_t>(found - usual_names.begin());
}

bool is_matrix(const ViTNames& vit, const std::string& name) {
  return vit.tensors.at(name).shape.size() == 2 && (name == "weight" || name.ends_with(".weight"));
}

class HeadSearch {
 public:
  HeadSearch(const ViTNames& vit, std::int64_t dim, Naming& naming, std::set<std::string>& unknown)
      : vit_(vit), dim_(dim), naming_(naming), unknown_(unknown) {}

  void run() {
    const auto own = naming_.roles.find("head.weight");
    if (own == naming_.roles.end()) {
      take(choose());
    } else if (const std::string outer = outer_head(); !outer.empty()) {
      refuse_chain(own->second.tensor);
      replace(outer);
    }
    const auto head = naming_.roles.find("head.weight");
    if (head != naming_.roles.end()) check(head->second.tensor);
  }

 private:
  const std::vector<std::int64_t>& shape(const std::string& name) const {
    return vit_.tensors.at(name).shape;
  }
  std::string shown(const std::string& name) const {
    return fmt::format("'{}' {}", vit_.original.at(name), shape_text(shape(name)));
  }
  bool takes_features(const std::string& name) const {
    return is_matrix(vit_, name) && (shape(name)[1] == dim_ || shape(name)[1] == 2 * dim_);
  }

  // The layer that is the classifier; empty if there is none.
  std::string choose() const {
    std::vector<std::string> best;
    for (const std::string& name : unknown_) {
      if (!takes_features(name)) continue;
      if (!best.empty() && rank_of(name) < rank_of(best[0])) best.clear();
      if (best.empty() || rank_of(name) == rank_of(best[0])) best.push_back(name);
    }
    if (best.empty()) {
      for (const std::string& name : unknown_) {
        if (!is_matrix(vit_, name) || rank_of(name) == usual_names.size()) continue;
        throw Error(fmt::format(
            "the classifier {} takes {} values, but the model gives {}: there is another layer "
            "between them, and QuantRing runs one linear layer",
            shown(name), shape(name)[1], dim_));
      }
      return {};
    }
    const bool one_module = std::all_of(best.begin(), best.end(), [&](const std::string& name) {
      return module_of(name) == module_of(best[0]);
    });
    if (best.size() > 1 && !one_module) {
      std::vector<std::string> all;
      for (const std::string& name : best) all.push_back(shown(name));
      throw Error(fmt::format(
          "which of these layers is the classifier? {}: save the checkpoint without the others",
          fmt::join(all, ", ")));
    }
    return best[0];
  }

  // One of the usual names outside the ViT, although the ViT has a classifier of its own.
  std::string outer_head() const {
    for (const std::string& name : unknown_) {
      const bool outside = vit_.outside.count(name) != 0;
      if (outside && takes_features(name) && rank_of(name) < usual_names.size()) return name;
    }
    return {};
  }

  void take(const std::string& weight) {
    if (weight.empty()) return;
    naming_.roles["head.weight"] = {weight, Part::Layout::rows};
    unknown_.erase(weight);
    const std::string bias = weight.substr(0, weight.size() - 6) + "bias";
    if (unknown_.erase(bias) != 0) naming_.roles["head.bias"] = {bias, Part::Layout::rows};
    naming_.notes.push_back(
        {"classifier", vit_.original.at(weight), "the linear layer that takes the model's output"});
  }

  void replace(const std::string& weight) {
    for (const char* const role :
         {"head.weight", "head.bias", "head_distillation.weight", "head_distillation.bias"}) {
      const auto found = naming_.roles.find(role);
      if (found == naming_.roles.end()) continue;
      naming_.unused.push_back({"left out", vit_.original.at(found->second.tensor),
                                "there is another classifier behind the ViT"});
      naming_.roles.erase(found);
    }
    take(weight);
  }

  // Another matrix that takes what this layer gives.
  void refuse_chain(const std::string& head) const {
    const std::int64_t classes = shape(head).size() == 2 ? shape(head)[0] : 0;
    if (classes == dim_) return;
    for (const std::string& name : unknown_) {
      if (name == head || !is_matrix(vit_, name) || shape(name)[1] != classes) continue;
      several(head, {name});
    }
  }

  void check(const std::string& head) const {
    refuse_chain(head);
    const bool outside = vit_.outside.count(head) != 0;
    std::vector<std::string> rest;
    for (const std::string& name : unknown_) {
      const bool same = module_of(name) == module_of(head);
      if (same && outside == (vit_.outside.count(name) != 0)) rest.push_back(name);
    }
    if (!rest.empty()) several(head, rest);
  }

  [[noreturn]] void several(const std::string& head, const std::vector<std::string>& rest) const {
    std::string text = shown(head);
    for (std::size_t i = 0; i < std::min<std::size_t>(rest.size(), 5); ++i)
      text += ", " + shown(rest[i]);
    throw Error(fmt::format(
        "the classifier has several layers ({}), and QuantRing runs one linear layer: train a "
        "linear one, or give one with --head and a checkpoint without these",
        text));
  }

  const ViTNames& vit_;
  const std::int64_t dim_;
  Naming& naming_;
  std::set<std::string>& unknown_;
};

}  // namespace

std::string module_of(const std::string& name) {
  const std::size_t begin = std::min(name.find_first_not_of('/'), name.size());
  return name.substr(begin, name.find('.', begin) - begin);
}

void find_head(const ViTNames& vit, std::int64_t dim, Naming& naming,
               std::set<std::string>& unknown) {
  HeadSearch(vit, dim, naming, unknown).run();
}

std::string usual_head(const ViTNames& vit) {
  for (const auto& [name, info] : vit.tensors) {
    const bool short_name = std::count(name.begin(), name.end(), '.') <= 2;  // "head.1.weight"
    if (short_name && is_matrix(vit, name) && rank_of(name) < usual_names.size())
      return vit.original.at(name);
  }
  return {};
}

}  // namespace quantring::weights
