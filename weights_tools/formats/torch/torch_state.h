#pragma once
// Finds the state dict in a PyTorch file.

#include <map>
#include <string>

#include "weights_tools/formats/torch/torch_tensor.h"

namespace quantring::weights {

struct TorchState {
  std::string part;  // its path of keys, joined by dots; empty: the file is the state dict
  std::map<std::string, TorchTensor> tensors;
};

// The dictionary with weights: at least two matrices or, if there is none, any tensor. The search
// goes a few levels deep through text keys, except those of an optimizer. part: the dictionary, if
// there are several; empty: the only one. Entries other than tensors are ignored. Throws
// OptionError for several without a `part`, or a `part` that does not exist; Error naming the file
// for no dictionary, a duplicate name, a malformed tensor.
TorchState find_torch_state(const PickleValue& root, const std::string& part,
                            const std::string& file);

}  // namespace quantring::weights
