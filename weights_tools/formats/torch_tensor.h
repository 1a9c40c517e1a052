#pragma once
// A tensor as a PyTorch pickle tells it: a view into a storage (torch/_utils.py).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weights_tools/formats/pickle.h"

namespace quantring::weights {

struct TorchTensor {
  std::string_view dtype;                    // as safetensors names it
  std::uint64_t item_bytes = 0;              // of an element
  std::vector<std::int64_t> shape, strides;  // strides in elements; 0 where it is expanded
  std::uint64_t elements = 0;                // product of the shape
  std::uint64_t offset = 0;                  // in the storage, elements
  std::uint64_t storage_elements = 0, storage_bytes = 0;
  std::string_view storage;  // key; into the pickle's bytes

  bool contiguous() const;
};

// A call that makes a tensor or a parameter?
bool is_torch_tensor(const PickleValue& value);

// Of a float type, with at least two dimensions? Weights are, counters and averages are not.
bool is_torch_matrix(const PickleValue& value);

// Every element is checked to lie inside the storage. where: "'FILE': tensor 'NAME'", for messages.
// Throws Error for what is no tensor, or a malformed one.
TorchTensor parse_torch_tensor(const PickleValue& value, const std::string& where);

}  // namespace quantring::weights
