#pragma once
// Builds zip archives, valid ones and ones with a chosen error.

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/byte_files.h"

namespace quantring::test {

using quantring::little;

inline std::string raw_deflated(const std::string& bytes) {
  const auto* const begin = reinterpret_cast<const std::byte*>(bytes.data());
  const Bytes out = deflated(Bytes(begin, begin + bytes.size()), -15);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

// Unset fields get their correct values.
struct ZipPart {
  std::string name = {}, contents = {};
  bool deflate = false;
  bool zip64 = false;  // sizes and offset in the extra field
  unsigned flags = 0;
  std::optional<std::string> data = {};  // instead of the contents; deflated already, if deflate
  std::optional<unsigned> method = {};
  std::optional<std::uint32_t> crc = {};
  std::optional<std::uint64_t> size = {}, compressed = {}, header = {};  // in the directory
  std::optional<std::string> local_name = {};
};

struct ZipEnd {
  bool zip64 = false;
  std::string comment = {};
  std::optional<std::uint64_t> count = {}, size = {}, offset = {};  // of the directory
  std::uint32_t disk = 0;
};

inline std::string build_zip(const std::vector<ZipPart>& parts, const ZipEnd& end = {}) {
  std::string file, directory;
  for (const ZipPart& part : parts) {
    const std::string data =
        part.data.value_or(part.deflate ? raw_deflated(part.contents) : part.contents);
    const std::uint32_t crc = part.crc.value_or(
        static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(part.contents.data()),
                                         static_cast<uInt>(part.contents.size()))));
    const std::uint64_t size = part.size.value_or(part.contents.size());
    const std::uint64_t compressed = part.compressed.value_or(data.size());
    const std::uint64_t header = part.header.value_or(file.size());
    const unsigned method = part.method.value_or(part.deflate ? 8 : 0);
    const std::string local_name = part.local_name.value_or(part.name);
    const auto narrow = [&](std::uint64_t value) {
      return little(part.zip64 ? 0xFFFFFFFF : value, 4);
    };

    const std::string common = little(45, 2) + little(part.flags, 2) + little(method, 2) +
                               little(0, 4) + little(crc, 4) + narrow(compressed) + narrow(size);
    const std::string local_extra =
        part.zip64 ? little(1, 2) + little(16, 2) + little(size, 8) + little(compressed, 8) : "";
    file += "PK\3\4" + common + little(local_name.size(), 2) + little(local_extra.size(), 2) +
            local_name + local_extra + data;
    const std::string extra = part.zip64 ? little(1, 2) + little(24, 2) + little(size, 8) +
                                               little(compressed, 8) + little(header, 8)
                                         : "";
    directory += "PK\1\2" + little(45, 2) + common + little(part.name.size(), 2) +
                 little(extra.size(), 2) + little(0, 2) + little(0, 2) + little(0, 2) +
                 little(0, 4) + narrow(header) + part.name + extra;
  }

  const std::uint64_t count = end.count.value_or(parts.size());
  const std::uint64_t size = end.size.value_or(directory.size());
  const std::uint64_t offset = end.offset.value_or(file.size());
  file += directory;
  if (end.zip64) {
    const std::uint64_t record = file.size();
    file += "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(end.disk, 4) +
            little(0, 4) + little(count, 8) + little(count, 8) + little(size, 8) +
            little(offset, 8);
    file += "PK\6\7" + little(0, 4) + little(record, 8) + little(1, 4);
  }
  const auto narrow = [&](std::uint64_t value, int bytes) {
    return little(end.zip64 ? ~std::uint64_t{0} : value, bytes);
  };
  return file + "PK\5\6" + narrow(end.disk, 2) + narrow(0, 2) + narrow(count, 2) +
         narrow(count, 2) + narrow(size, 4) + narrow(offset, 4) + little(end.comment.size(), 2) +
         end.comment;
}

// A version 1.0 array file.
inline std::string build_npy(const std::string& dictionary, const std::string& values) {
  return "\x93NUMPY" + std::string("\1\0", 2) + little(dictionary.size(), 2) + dictionary + values;
}

}  // namespace quantring::test
