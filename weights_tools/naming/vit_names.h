#pragma once
// A ViT within the names of a file: behind any prefix, with other tensors beside it.

#include <map>
#include <set>
#include <string>

#include "weights_tools/formats/checkpoint.h"

namespace quantring::weights {

struct ViTNames {
  // The ViT's tensors without their prefix, and all others: under the prefix's parent ("vit." in
  // "model.vit.") relative to it, else by their whole name.
  TensorInfos tensors;
  std::set<std::string> outside;                // of these, the others
  std::set<std::string> others;                 // of those outside, the tensors of further ViTs
  std::map<std::string, std::string> original;  // name here -> name in the file
  std::string prefix;                           // as in the file
};

// Throws Error if the file holds several ViTs, or adapters (LoRA) that are not merged.
ViTNames find_vit(const TensorInfos& tensors);

}  // namespace quantring::weights
