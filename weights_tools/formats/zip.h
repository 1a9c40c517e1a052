#pragma once
// Zip archives (PKWARE APPNOTE 6.3), as far as checkpoints use them: stored and deflated entries,
// zip64, one disk, no encryption. The central directory counts; local headers only say where the
// data begins.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "engine/model/mapped_file.h"

namespace quantring::weights {

struct ZipEntry {
  std::uint64_t compressed = 0, size = 0;  // bytes in the file, and of the contents
  std::uint64_t data_offset = 0;           // in the file
  std::uint32_t crc = 0;                   // CRC-32 of the contents
  bool deflated = false;
};

class ZipFile {
 public:
  // Reads and checks the directory: every entry inside the file, none overlapping another, no name
  // twice. Throws Error naming the file.
  explicit ZipFile(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  const std::map<std::string, ZipEntry>& entries() const { return entries_; }

  // The contents of an entry that is not deflated, where they lie in the mapping; the CRC is
  // checked the first time. Throws Error naming file and entry.
  std::span<const std::byte> stored(const std::string& name) const;

  // The contents of any entry, inflated if need be, CRC checked. Never takes more memory than
  // `limit` bytes, which the entry must not exceed. Throws Error naming file and entry.
  std::vector<std::byte> read(const std::string& name, std::uint64_t limit) const;

  // The first `count` bytes of the contents, or all if there are fewer; the CRC is not checked. For
  // headers, so that what is large need not be inflated to know its shape.
  std::vector<std::byte> read_prefix(const std::string& name, std::size_t count) const;

  // Lets the system drop these pages from memory.
  void release(std::span<const std::byte> data) const { file_.release(data); }

 private:
  const ZipEntry& entry(const std::string& name) const;
  std::span<const std::byte> data(const ZipEntry& entry) const;  // as it lies in the file

  std::string path_;
  MappedFile file_;
  std::map<std::string, ZipEntry> entries_;
  mutable std::set<std::string> checked_;  // stored entries whose CRC was right
};

// Does it begin as a zip archive does?
bool looks_like_zip(std::span<const std::byte> bytes);

}  // namespace quantring::weights
