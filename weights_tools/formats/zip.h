#pragma once
// Reads zip archives (PKWARE APPNOTE 6.3) with the features that checkpoints use: stored and
// deflated entries, zip64, one disk, no encryption. The central directory is authoritative; local
// headers only give the place of the data.

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
  // Reads and checks the directory: all entries are inside the file, none overlap, no duplicate
  // names. Throws Error naming the file.
  explicit ZipFile(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  const std::map<std::string, ZipEntry>& entries() const { return entries_; }

  // The contents of a stored entry, in the mapped file; the CRC is checked on first use. Throws
  // Error naming file and entry, also for a deflated entry.
  std::span<const std::byte> stored(const std::string& name) const;

  // The contents of any entry, inflated if needed, CRC checked. Throws Error naming file and entry,
  // also if the contents exceed `limit` bytes.
  std::vector<std::byte> read(const std::string& name, std::uint64_t limit) const;

  // The first `count` bytes of the contents, or all if there are fewer; the CRC is not checked. For
  // headers of large entries.
  std::vector<std::byte> read_prefix(const std::string& name, std::size_t count) const;

  // Allows the kernel to drop these pages from memory.
  void release(std::span<const std::byte> data) const { file_.release(data); }

 private:
  const ZipEntry& entry(const std::string& name) const;
  std::span<const std::byte> data(const ZipEntry& entry) const;  // as stored in the file

  std::string path_;
  MappedFile file_;
  std::map<std::string, ZipEntry> entries_;
  mutable std::set<std::string> checked_;  // stored entries with a correct CRC
};

// Whether the bytes begin like a zip archive.
bool looks_like_zip(std::span<const std::byte> bytes);

}  // namespace quantring::weights
