// PyTorch files: a valid archive with the input as data.pkl and four storages of 96 bytes, 0 to 3.
// All tensors are read.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ops/base/error.h"
#include "tests/support/memory_file.h"
#include "tests/weights/formats/torch_archive.h"
#include "weights_tools/formats/torch/torch_file.h"

using namespace quantring;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string pickle(reinterpret_cast<const char*>(data), size);
  try {
    const auto file = weights::open_torch_file(test::memory_file(test::torch_archive(pickle)), "");
    for (const auto& [name, info] : file->tensors()) {
      if (info.elements() > 1 << 14) continue;  // expanded; limited for speed
      try {
        if (file->read(name).size() != info.elements()) std::abort();
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
