#pragma once
// Files for the tests of the container readers.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "ops/base/error.h"

#include "tests/support/paths.h"

namespace quantring::test {

// Made by make_container_fixtures.py.
inline std::filesystem::path container(const std::string& name) {
  return std::filesystem::path(quantring::test::source_path("")) / "tests/weights/fixtures/containers" / name;
}

// What make_container_fixtures.py puts into every array, row by row.
inline std::vector<float> fixture_values(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = (static_cast<float>(i * 7 % 23) - 11) / 4;
  }
  return values;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::filesystem::path write_file(const std::filesystem::path& path,
                                        const std::string& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

// What an Error says; empty if there is none. Other exceptions pass.
template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Memory of this process that is pages of files, in bytes.
inline std::size_t resident_file_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kilobytes = 0;
    if (word == "RssFile:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace quantring::test
