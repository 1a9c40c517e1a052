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

  // Allows the kernel to drop the whole pages within `part` from memory; an access reads them
  // again.
  void release(std::span<const std::byte> part) const;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace quantring
