#pragma once
// A temporary folder for the files of a test case.

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "tests/support/golden.h"

namespace quantring {

// TemporaryFolder with paths as text, and a function to write files.
class TempFolder : public test::TemporaryFolder {
 public:
  std::string operator/(const std::string& name) const { return (path() / name).string(); }

  // Writes a file, creating its parent folders; returns its path.
  std::string write(const std::string& name, std::span<const std::byte> bytes) const {
    const std::filesystem::path file = path() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return file.string();
  }
  std::string write(const std::string& name, const std::string& text) const {
    return write(name, std::as_bytes(std::span(text)));
  }
};

}  // namespace quantring
