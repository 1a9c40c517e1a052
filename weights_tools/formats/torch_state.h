#pragma once
// Where in a PyTorch file the weights are.

#include <map>
#include <string>

#include "weights_tools/formats/torch_tensor.h"

namespace quantring::weights {

struct TorchState {
  std::string part;  // the keys that lead to it, joined by dots; empty: the file is the state dict
  std::map<std::string, TorchTensor> tensors;
};

// The dictionary that holds weights: at least two matrices, or, where none does, any tensor.
// Dictionaries are looked for under text keys, a few levels deep, not under an optimizer's. part:
// which, where there are several; empty: the only one. Entries that are no tensors are left out.
// Throws Error naming the file: none, several, no such part, a name twice, a malformed tensor.
TorchState find_torch_state(const PickleValue& root, const std::string& part,
                            const std::string& file);

}  // namespace quantring::weights
