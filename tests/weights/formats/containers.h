#pragma once
// Files for the tests of the container readers.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/paths.h"
#include "tests/support/texts.h"

namespace quantring::test {

// A file that make_container_fixtures.py made.
inline std::filesystem::path container(const std::string& name) {
  return std::filesystem::path(quantring::test::source_path("")) /
         "tests/weights/fixtures/containers" / name;
}

// The values of every array of make_container_fixtures.py, row by row.
inline std::vector<float> fixture_values(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = (static_cast<float>(i * 7 % 23) - 11) / 4;
  }
  return values;
}

// Bytes of file pages in this process's memory.
inline std::size_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kilobytes = 0;
    if (word == "RssFile:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace quantring::test
