// The index of a sharded checkpoint, and the recognition of files. Input: the mode, then
// 0: the text of an index;
// 1: a complete file of any kind.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ops/base/error.h"
#include "tests/support/memory_file.h"
#include "weights_tools/formats/checkpoint.h"
#include "weights_tools/formats/sharded.h"

using namespace quantring;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      for (const auto& [tensor, file] : weights::parse_index(input, "fuzz")) {
        if (file.find('/') != std::string::npos || file == "..") std::abort();
      }
    } else {
      weights::open_checkpoint(test::memory_file(input));
    }
  } catch (const Error& error) {
    if (std::string(error.what()).find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
