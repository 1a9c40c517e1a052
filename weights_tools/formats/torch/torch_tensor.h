#pragma once
// A tensor in a PyTorch pickle: a view of a storage (torch/_utils.py).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weights_tools/formats/pickle/pickle.h"

namespace quantring::weights {

struct TorchTensor {
  std::string_view dtype;                    // as safetensors names it
  std::uint64_t item_bytes = 0;              // per element
  std::vector<std::int64_t> shape, strides;  // strides in elements; 0 for expanded dimensions
  std::uint64_t elements = 0;                // product of the shape
  std::uint64_t offset = 0;                  // in the storage, elements
  std::uint64_t storage_elements = 0, storage_bytes = 0;
  std::string_view storage;  // key; into the pickle's bytes

  bool contiguous() const;
};

// Whether the value is a call that makes a tensor or a parameter.
bool is_torch_tensor(const PickleValue& value);

// Whether it is a tensor of floats with at least two dimensions, as weights are and counters and
// averages are not.
bool is_torch_matrix(const PickleValue& value);

// Checks that every element is inside the storage. where: "'FILE': tensor 'NAME'", in errors.
// Throws Error if the value is not a tensor, or malformed.
TorchTensor parse_torch_tensor(const PickleValue& value, const std::string& where);

}  // namespace quantring::weights
