#pragma once
// A whole file, memory-mapped read-only.

#include <cstddef>
#include <filesystem>
#include <span>

namespace quantring {

class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);  // throws Error naming the file
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  // Lets the system drop the whole pages within `part` from memory; they are read again if touched.
  void release(std::span<const std::byte> part) const;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace quantring
