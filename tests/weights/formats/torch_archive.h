#pragma once
// Builds PyTorch archives with correct checksums and any contents.

#include <map>
#include <string>
#include <vector>

#include "tests/weights/formats/zip_builder.h"

namespace quantring::test {

// A zip archive of stored entries.
inline std::string zip_archive(const std::map<std::string, std::string>& entries) {
  std::vector<ZipPart> parts;
  for (const auto& [name, contents] : entries) {
    parts.push_back({.name = name, .contents = contents});
  }
  return build_zip(parts);
}

// data.pkl and storages 0 to 3 of 96 bytes each: 24 f32, 48 f16, 12 f64 or I64.
inline std::string torch_archive(const std::string& pickle) {
  std::map<std::string, std::string> entries{{"a/data.pkl", pickle}, {"a/byteorder", "little"}};
  for (int i = 0; i < 4; ++i) {
    std::string& storage = entries["a/data/" + std::to_string(i)];
    for (int k = 0; k < 96; ++k) storage += static_cast<char>(k + i);
  }
  return zip_archive(entries);
}

}  // namespace quantring::test
