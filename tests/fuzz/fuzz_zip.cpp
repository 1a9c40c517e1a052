// Zip archives. Input: the mode, then
// 0: a complete archive;
// 1: positions (u16) and bytes (u8) to change in a valid archive;
// 2: the size (u16) and the deflated data of an entry of a valid archive.

#include <cstddef>
#include <cstdint>
#include <string>

#include "ops/base/error.h"
#include "tests/support/memory_file.h"
#include "tests/weights/formats/zip_builder.h"
#include "weights_tools/formats/zip.h"

using namespace quantring::test;

namespace {

constexpr std::uint64_t limit = 1 << 16;

std::string patched(const std::string& patches) {
  static const std::string valid =
      build_zip({{.name = "a/data.pkl", .contents = "hello"},
                 {.name = "b", .contents = std::string(200, 'b'), .deflate = true, .zip64 = true},
                 {.name = "c", .contents = "c", .zip64 = true, .flags = 0x808}},
                {.zip64 = true, .comment = "comment"});
  std::string archive = valid;
  for (std::size_t at = 0; at + 3 <= patches.size(); at += 3) {
    const std::size_t place = static_cast<std::uint8_t>(patches[at]) |
                              std::size_t{static_cast<std::uint8_t>(patches[at + 1])} << 8;
    archive[place % archive.size()] = patches[at + 2];
  }
  return archive;
}

std::string with_data(const std::string& data) {
  const std::uint64_t size = data.size() < 2
                                 ? 0
                                 : static_cast<std::uint8_t>(data[0]) |
                                       std::uint64_t{static_cast<std::uint8_t>(data[1])} << 8;
  return build_zip(
      {{.name = "w", .deflate = true, .data = data.substr(data.size() < 2 ? 0 : 2), .size = size}});
}

void read_all(const std::string& archive) {
  const quantring::weights::ZipFile zip(memory_file(archive));
  for (const auto& [name, entry] : zip.entries()) {
    try {
      if (zip.read_prefix(name, 100).size() > entry.size) std::abort();
      if (zip.read(name, limit).size() != entry.size || entry.size > limit) std::abort();
      if (!entry.deflated && zip.stored(name).size() != entry.size) std::abort();
    } catch (const quantring::Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const int mode = data[0] % 3;
    read_all(mode == 0 ? rest : mode == 1 ? patched(rest) : with_data(rest));
  } catch (const quantring::Error&) {
  }
  return 0;
}
