#pragma once
// Tables that map a framework's tensor names to roles.

#include <string>
#include <vector>

#include "weights_tools/naming/naming.h"
#include "weights_tools/naming/vit_names.h"

namespace quantring::weights {

struct NameRule {
  // '#' stands for the number of a block, a final '*' for "weight" or "bias".
  std::string name, role;
  Part::Layout layout = Part::Layout::rows;
};

struct NamePart {
  std::string fragment;  // anywhere in a name that matches no rule
  std::string meaning;   // refused: the part of the model; unused: why it is not needed
};

struct NameTable {
  std::string framework;
  std::vector<NameRule> rules;
  std::vector<NamePart> refused, unused;
};

// Tensors that the table does not explain are left out where they cannot take part in the model:
// what is for training (losses, metrics, decoders), and what is beside the ViT and no layer between
// it and the classifier. Throws Error naming a tensor of a refused part, another one that is in no
// list, or two with the same role; also if there is no classifier.
Naming apply_table(const NameTable& table, const ViTNames& vit);

// Whether the classifier is a linear layer on the concatenation of class token and average of the
// patches (DINOv2). naming: from apply_table.
bool head_over_both(const TensorInfos& tensors, const Naming& naming);

}  // namespace quantring::weights
