#pragma once
// Reads zip archives (PKWARE APPNOTE 6.3) with the features that checkpoints use: stored and
// deflated entries, zip64, one disk, no encryption. The central directory is authoritative; local
// headers only give the place of the data.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/model/file_reader.h"

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

  // The contents of a stored entry, CRC checked; they are valid until the next call. Throws Error
  // naming file and entry, also for a deflated entry.
  std::span<const std::byte> stored(const std::string& name) const;

  // The contents of any entry, inflated if needed, CRC checked. Throws Error naming file and entry,
  // also if the contents exceed `limit` bytes.
  std::vector<std::byte> read(const std::string& name, std::uint64_t limit) const;

  // The first `count` bytes of the contents, or all if there are fewer; the CRC is not checked. For
  // headers of large entries.
  std::vector<std::byte> read_prefix(const std::string& name, std::size_t count) const;

 private:
  const ZipEntry& entry(const std::string& name) const;
  std::vector<std::byte> read_stored(const std::string& name) const;

  std::string path_;
  FileReader file_;
  std::map<std::string, ZipEntry> entries_;
  // The entry that stored() gave last: tensors may share one.
  mutable std::string last_name_;
  mutable std::vector<std::byte> last_;
};

// Whether the bytes begin like a zip archive.
bool looks_like_zip(std::span<const std::byte> bytes);

}  // namespace quantring::weights
