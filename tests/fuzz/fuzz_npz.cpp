// NumPy archives. Input: the mode, then
// 0: a complete .npz;
// 1, 2: a .npy file, as a stored or deflated entry of a valid archive;
// 3: the dictionary of a header, up to the first zero byte, and the values behind it.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "ops/base/error.h"
#include "tests/support/memory_file.h"
#include "tests/weights/formats/zip_builder.h"
#include "weights_tools/formats/npz.h"

using namespace quantring::test;

namespace {

std::string archive_of(int mode, const std::string& input) {
  if (mode == 0) return input;
  if (mode < 3) return build_zip({{.name = "w.npy", .contents = input, .deflate = mode == 2}});
  const std::size_t end = input.find('\0');
  const std::string values = end == std::string::npos ? "" : input.substr(end + 1);
  return build_zip({{.name = "w.npy", .contents = build_npy(input.substr(0, end), values)}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const auto checkpoint =
        quantring::weights::open_npz(memory_file(archive_of(data[0] % 4, input)));
    for (const auto& [name, tensor] : checkpoint->tensors()) {
      // No more than deflate's maximum, so the archive had all values.
      if (tensor.elements() > 1032 * (size + 200)) std::abort();
      try {
        if (checkpoint->read(name).size() != tensor.elements()) std::abort();
      } catch (const quantring::Error&) {
      }
    }
  } catch (const quantring::Error&) {
  }
  return 0;
}
