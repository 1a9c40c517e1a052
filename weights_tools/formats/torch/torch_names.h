#pragma once
// The Python names that are accepted in a PyTorch checkpoint.

#include <cstdint>
#include <span>
#include <string_view>

#include "weights_tools/formats/pickle/pickle.h"

namespace quantring::weights {

std::span<const PickleName> torch_names();

struct TorchType {
  std::string_view name;   // of the storage class, or of the dtype
  std::string_view dtype;  // as safetensors names it
  std::uint64_t bytes;     // of an element
};

// nullptr if the name is not an element type ("torch.UntypedStorage" has none).
const TorchType* find_torch_type(std::string_view name);

}  // namespace quantring::weights
