#pragma once
// The classifier among the tensors that a framework's names do not explain.

#include <cstdint>
#include <set>
#include <string>

#include "weights_tools/naming/naming.h"
#include "weights_tools/naming/vit_names.h"

namespace quantring::weights {

// Gives roles to the weight and the bias of the one linear layer that takes `dim` values (or twice
// as many: class token and average), removes them from `unknown` and notes it. A classifier outside
// the ViT replaces the ViT's own, which is then left out. Without such a layer the roles stay as
// they are. Throws Error naming the tensors if the classifier has several layers, or several layers
// may be it.
void find_head(const ViTNames& vit, std::int64_t dim, Naming& naming,
               std::set<std::string>& unknown);

// A classifier of the usual names, as named in the file; else empty.
std::string usual_head(const ViTNames& vit);

// The first component of a name: "head" in "head.1.weight".
std::string module_of(const std::string& name);

}  // namespace quantring::weights
