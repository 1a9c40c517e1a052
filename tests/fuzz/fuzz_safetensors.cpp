// The model file's reader: arbitrary bytes as a whole file, or as the JSON texts inside one.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/architecture.h"
#include "engine/model_file.h"
#include "engine/preprocess_json.h"
#include "ops/error.h"

using namespace quantring;

namespace {

// A file in memory, by the name under which the process can open it.
std::string memory_file(const std::uint8_t* data, std::size_t size) {
  static const int descriptor = ::memfd_create("fuzz", MFD_CLOEXEC);
  if (descriptor < 0 || ::ftruncate(descriptor, 0) != 0 ||
      ::pwrite(descriptor, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  return "/proc/self/fd/" + std::to_string(descriptor);
}

void read_file(const std::uint8_t* data, std::size_t size) {
  const std::string path = memory_file(data, size);
  const SafetensorsFile file(path);
  std::size_t sum = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    for (const std::byte byte : tensor.data) sum += std::to_integer<std::size_t>(byte);
  }
  if (sum == SIZE_MAX) std::abort();  // the sum is used, so the bytes are really read
  const ModelFile model(path);
  for (const auto& [name, tensor] : model.tensors()) model.tensor(name);
}

void read_texts(const std::string& text) {
  const Architecture architecture = architecture_from_json(text);
  // What was read is possible, and says the same when written and read again.
  if (tensor_specs(architecture).empty() ||
      !(architecture_from_json(architecture_to_json(architecture)) == architecture)) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 3) {
      case 0:
        read_file(data + 1, size - 1);
        break;
      case 1:
        read_texts(text);
        break;
      default:
        preprocess_from_json(text);
        break;
    }
  } catch (const Error&) {
  }
  return 0;
}
