// The directory of the archive. zip_contents.cpp reads the entries.

#include "weights_tools/formats/zip.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "ops/base/error.h"
#include "weights_tools/base/printable.h"

namespace quantring::weights {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50,
                        end_signature = 0x06054b50, end64_signature = 0x06064b50,
                        locator_signature = 0x07064b50;
// Without name, extra field and comment.
constexpr std::size_t local_bytes = 30, central_bytes = 46, end_bytes = 22, end64_bytes = 56,
                      locator_bytes = 20;
constexpr std::size_t max_comment = 0xFFFF;
constexpr std::size_t max_tail = locator_bytes + end_bytes + max_comment;
constexpr std::uint64_t max_directory = std::uint64_t{256} << 20;
constexpr std::uint64_t full16 = 0xFFFF, full32 = 0xFFFFFFFF;  // "see the zip64 record"

// Level of compression, sizes after the data, names in UTF-8: they can be ignored. All other flags
// (encryption, patches) change the meaning of the data.
constexpr unsigned ignored_flags = 0x080E;

// Deflate's maximum is 258 bytes from two bits.
constexpr std::uint64_t max_deflate_ratio = 1032;

std::uint64_t little_endian(Bytes bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) {
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
  }
  return value;
}

std::uint32_t u16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint32_t>(little_endian(bytes, at, 2));
}
std::uint32_t u32(Bytes bytes, std::size_t at) {
  return static_cast<std::uint32_t>(little_endian(bytes, at, 4));
}
std::uint64_t u64(Bytes bytes, std::size_t at) {
  return little_endian(bytes, at, 8);
}

// Checks a sub-range without overflow.
bool inside(std::uint64_t offset, std::uint64_t size, std::uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

struct Directory {
  std::uint64_t offset = 0, size = 0, count = 0;
};

class DirectoryReader {
 public:
  explicit DirectoryReader(const FileReader& file)
      : file_(file),
        path_(file.path()),
        tail_begin_(file.size() - std::min<std::uint64_t>(file.size(), max_tail)),
        tail_(file.read(tail_begin_, file.size() - tail_begin_)) {}

  std::map<std::string, ZipEntry> read() {
    const Directory directory = locate();
    // Each entry has a header, so the size of the file bounds the count before any allocation.
    if (directory.count > directory.size / central_bytes) {
      damaged(fmt::format("it claims {} entries", directory.count));
    }
    if (directory.size > max_directory)
      damaged(fmt::format("its directory has {} bytes", directory.size));
    std::map<std::string, ZipEntry> entries;
    const std::vector<std::byte> listing = file_.read(directory.offset, directory.size);
    Bytes rest = listing;
    for (std::uint64_t i = 0; i < directory.count; ++i) {
      auto [name, entry] = read_entry(rest, directory.offset);
      const auto [place, added] = entries.emplace(std::move(name), entry);
      if (!added) damaged(fmt::format("entry '{}' appears twice", place->first));
    }
    if (!rest.empty()) damaged("its directory is longer than its entries");
    refuse_overlap();
    return entries;
  }

 private:
  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(
        fmt::format("'{}' is a damaged zip archive: {}; fetch the file again", path_, what));
  }

  // The position of the end record in the tail: at the end of the file, followed by its comment.
  std::size_t find_end() const {
    if (tail_.size() >= end_bytes) {
      const std::size_t last = tail_.size() - end_bytes;
      for (std::size_t comment = 0; comment <= std::min(last, max_comment); ++comment) {
        const std::size_t at = last - comment;
        if (u32(tail_, at) == end_signature && u16(tail_, at + 20) == comment) return at;
      }
    }
    throw Error(
        fmt::format("'{}' is not a complete zip archive: its end is missing, so the file is "
                    "probably truncated; fetch it again",
                    path_));
  }

  Directory locate() const {
    const std::size_t tail_end = find_end();
    const Bytes tail = tail_, end_record = tail.subspan(tail_end);
    const std::uint64_t end = tail_begin_ + tail_end;
    std::uint64_t disk = u16(end_record, 4), directory_disk = u16(end_record, 6),
                  count_here = u16(end_record, 8);
    Directory directory{
        .offset = u32(end_record, 16), .size = u32(end_record, 12), .count = u16(end_record, 10)};
    std::uint64_t directory_end = end;
    if (tail_end >= locator_bytes && u32(tail, tail_end - locator_bytes) == locator_signature) {
      const Bytes locator = tail.subspan(tail_end - locator_bytes, locator_bytes);
      const std::uint64_t at = u64(locator, 8);
      if (u32(locator, 4) != 0 || u32(locator, 16) > 1) several_disks();
      if (!inside(at, end64_bytes, end - locator_bytes))
        damaged("its zip64 record is not where it should be");
      const std::vector<std::byte> end64 = file_.read(at, end64_bytes);
      if (u32(end64, 0) != end64_signature) damaged("its zip64 record is not where it should be");
      // A value that fits the short record must be equal in both.
      const auto widen = [&](std::uint64_t& narrow, std::uint64_t full, std::uint64_t wide) {
        if (narrow != full && narrow != wide) damaged("its two end records differ");
        narrow = wide;
      };
      widen(disk, full16, u32(end64, 16));
      widen(directory_disk, full16, u32(end64, 20));
      widen(count_here, full16, u64(end64, 24));
      widen(directory.count, full16, u64(end64, 32));
      widen(directory.size, full32, u64(end64, 40));
      widen(directory.offset, full32, u64(end64, 48));
      directory_end = at;
    }
    if (disk != 0 || directory_disk != 0 || count_here != directory.count) several_disks();
    if (!inside(directory.offset, directory.size, directory_end) ||
        directory.offset + directory.size != directory_end) {
      damaged("its directory is not where it should be");
    }
    return directory;
  }

  [[noreturn]] void several_disks() const {
    throw Error(fmt::format(
        "'{}' is one part of a zip archive split over several files; join them first", path_));
  }

  // Takes one entry off the front of `rest`.
  std::pair<std::string, ZipEntry> read_entry(Bytes& rest, std::uint64_t data_end) {
    if (rest.size() < central_bytes || u32(rest, 0) != central_signature) {
      damaged("its directory is truncated");
    }
    const std::size_t name_size = u16(rest, 28), extra_size = u16(rest, 30);
    const std::size_t whole = central_bytes + name_size + extra_size + u16(rest, 32);
    if (whole > rest.size()) damaged("its directory is truncated");
    const std::string name(reinterpret_cast<const char*>(rest.data()) + central_bytes, name_size);
    if (has_control(name)) {
      damaged("the name of an entry has control characters");
    }

    const unsigned flags = u16(rest, 8), method = u16(rest, 10);
    if ((flags & ~ignored_flags) != 0) {
      throw Error(fmt::format(
          "'{}': entry '{}' is encrypted or uses unsupported zip features; unpack the archive and "
          "zip it again without them",
          path_, name));
    }
    if (method != 0 && method != 8) {
      throw Error(fmt::format(
          "'{}': entry '{}' is compressed with method {}; only stored and deflated entries are "
          "supported",
          path_, name, method));
    }
    ZipEntry entry{.compressed = u32(rest, 20),
                   .size = u32(rest, 24),
                   .data_offset = 0,
                   .crc = u32(rest, 16),
                   .deflated = method == 8};
    std::uint64_t header = u32(rest, 42), disk = u16(rest, 34);
    read_zip64(rest.subspan(central_bytes + name_size, extra_size), name, entry, header, disk);
    if (disk != 0) several_disks();
    const bool possible = entry.deflated ? entry.size / max_deflate_ratio <= entry.compressed
                                         : entry.size == entry.compressed;
    if (!possible) {
      damaged(
          fmt::format("entry '{}' cannot have {} bytes in {}", name, entry.size, entry.compressed));
    }
    entry.data_offset = data_offset(header, name, data_end);
    if (!inside(entry.data_offset, entry.compressed, data_end)) {
      damaged(fmt::format("entry '{}' extends past the end of the data", name));
    }
    ranges_.emplace_back(header, entry.data_offset + entry.compressed);
    rest = rest.subspan(whole);
    return {name, entry};
  }

  // Extra field 1 has, in this order, those of the four values that did not fit their fields.
  void read_zip64(Bytes extra, const std::string& name, ZipEntry& entry, std::uint64_t& header,
                  std::uint64_t& disk) const {
    Bytes field;
    while (extra.size() >= 4 && u16(extra, 2) <= extra.size() - 4) {
      const Bytes body = extra.subspan(4, u16(extra, 2));
      if (u16(extra, 0) == 1) field = body;
      extra = extra.subspan(4 + body.size());
    }
    const auto take = [&](std::uint64_t& value, std::uint64_t full, int count) {
      if (value != full) return;
      if (field.size() < static_cast<std::size_t>(count)) {
        damaged(fmt::format("entry '{}' has no zip64 field", name));
      }
      value = little_endian(field, 0, count);
      field = field.subspan(count);
    };
    take(entry.size, full32, 8);
    take(entry.compressed, full32, 8);
    take(header, full32, 8);
    take(disk, full16, 4);
  }

  std::uint64_t data_offset(std::uint64_t header, const std::string& name,
                            std::uint64_t data_end) const {
    const auto misplaced = [&] {
      damaged(fmt::format("entry '{}' is not at its place in the directory", name));
    };
    if (!inside(header, local_bytes, data_end)) misplaced();
    const std::vector<std::byte> local = file_.read(header, local_bytes);
    if (u32(local, 0) != local_signature) misplaced();
    const std::uint64_t name_size = u16(local, 26), extra_size = u16(local, 28);
    if (!inside(header + local_bytes, name_size + extra_size, data_end)) {
      damaged(fmt::format("entry '{}' extends past the end of the data", name));
    }
    const std::vector<std::byte> here = file_.read(header + local_bytes, name_size);
    if (std::string_view(reinterpret_cast<const char*>(here.data()), here.size()) != name)
      damaged(fmt::format("entry '{}' has another name in its local header", name));
    return header + local_bytes + name_size + extra_size;
  }

  // With shared data, a small archive could unpack to a huge size.
  void refuse_overlap() {
    std::sort(ranges_.begin(), ranges_.end());
    for (std::size_t i = 1; i < ranges_.size(); ++i) {
      if (ranges_[i].first < ranges_[i - 1].second) damaged("two entries share bytes");
    }
  }

  const FileReader& file_;
  const std::string& path_;
  const std::uint64_t tail_begin_;
  const std::vector<std::byte> tail_;                            // the end of the file
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_;  // header to end of data
};

}  // namespace

ZipFile::ZipFile(const std::filesystem::path& path)
    : path_(path.string()), file_(path), entries_(DirectoryReader(file_).read()) {}

bool looks_like_zip(std::span<const std::byte> bytes) {
  // An archive without entries begins with the end record.
  return bytes.size() >= 4 && (u32(bytes, 0) == local_signature || u32(bytes, 0) == end_signature);
}

}  // namespace quantring::weights
