#pragma once
// PyTorch archives made by hand, with right checksums around whatever is inside.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace quantring::test {

inline void put_number(std::string& to, std::uint64_t value, int bytes) {
  for (; bytes > 0; --bytes, value >>= 8) to += static_cast<char>(value);
}

// A zip archive of stored entries.
inline std::string zip_archive(const std::map<std::string, std::string>& entries) {
  std::string local, central;
  for (const auto& [name, contents] : entries) {
    const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(contents.data()),
                             static_cast<uInt>(contents.size()));
    const std::size_t offset = local.size();
    std::string common;        // what both headers say
    put_number(common, 0, 8);  // flags, stored, time, date
    put_number(common, crc, 4);
    put_number(common, contents.size(), 4);
    put_number(common, contents.size(), 4);
    put_number(common, name.size(), 2);
    put_number(common, 0, 2);
    put_number(local, 0x04034b50, 4);
    put_number(local, 20, 2);
    local += common + name + contents;
    put_number(central, 0x02014b50, 4);
    put_number(central, 20, 2);
    put_number(central, 20, 2);
    central += common;
    put_number(central, 0, 10);  // comment, disk, attributes
    put_number(central, offset, 4);
    central += name;
  }
  std::string archive = local + central;
  put_number(archive, 0x06054b50, 4);
  put_number(archive, 0, 4);
  put_number(archive, entries.size(), 2);
  put_number(archive, entries.size(), 2);
  put_number(archive, central.size(), 4);
  put_number(archive, local.size(), 4);
  put_number(archive, 0, 2);
  return archive;
}

// data.pkl beside storages 0 to 3 of 96 bytes each: 24 floats, 48 halves, 12 doubles or integers.
inline std::string torch_archive(const std::string& pickle) {
  std::map<std::string, std::string> entries{{"a/data.pkl", pickle}, {"a/byteorder", "little"}};
  for (int i = 0; i < 4; ++i) {
    std::string& storage = entries["a/data/" + std::to_string(i)];
    for (int k = 0; k < 96; ++k) storage += static_cast<char>(k + i);
  }
  return zip_archive(entries);
}

}  // namespace quantring::test
