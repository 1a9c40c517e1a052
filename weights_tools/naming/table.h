#pragma once
// How a framework's tensor names map to roles, as data: each reader of a naming is mostly one such
// table.

#include <string>
#include <vector>

#include "weights_tools/naming/naming.h"

namespace quantring::weights {

struct NameRule {
  // In both, '#' stands for a block's number and a last '*' for "weight" or "bias".
  std::string name, role;
  Part::Layout layout = Part::Layout::rows;
};

struct NamePart {
  std::string fragment;  // anywhere in a name that no rule knows
  std::string meaning;   // refused: the part of the model; unused: why it is not needed
};

struct NameTable {
  std::string who;
  std::vector<NameRule> rules;
  std::vector<NamePart> refused, unused;
};

// Gives every tensor its role. Throws Error naming a tensor that stands for a refused part, one
// that is in no list, two for the same role, or saying that there is no classifier.
Naming apply_table(const NameTable& table, const TensorInfos& tensors);

// Is the classifier a linear layer over class token and average of the patches side by side
// (DINOv2)? naming: as apply_table gave it.
bool head_over_both(const TensorInfos& tensors, const Naming& naming);

}  // namespace quantring::weights
