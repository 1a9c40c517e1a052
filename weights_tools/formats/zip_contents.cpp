// The entries of a zip archive: inflating (RFC 1951, with zlib) and CRC-32.

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

#include "ops/base/error.h"
#include "weights_tools/formats/zip.h"

namespace quantring::weights {
namespace {

using Bytes = std::span<const std::byte>;

// Data are processed in chunks of this many bytes, so that zlib's 32-bit counts suffice and pages
// of the file can be released early.
constexpr std::size_t chunk_bytes = 4 << 20;

std::uint32_t crc_of(std::uint32_t crc, Bytes part) {
  return static_cast<std::uint32_t>(
      crc32(crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size())));
}

class Inflater {
 public:
  explicit Inflater(Bytes data) : rest_(data) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills target from the data and returns the number of bytes. used: called with each part of the
  // data that is consumed.
  template <class Used>
  std::size_t fill(std::span<std::byte> target, const Used& used) {
    std::size_t filled = 0;
    while (filled < target.size() && !ended_) {
      const Bytes input = rest_.first(std::min(rest_.size(), chunk_bytes));
      const std::size_t room = std::min(target.size() - filled, chunk_bytes);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
      stream_.avail_in = static_cast<uInt>(input.size());
      stream_.next_out = reinterpret_cast<Bytef*>(target.data() + filled);
      stream_.avail_out = static_cast<uInt>(room);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_MEM_ERROR) throw std::bad_alloc();
      filled += room - stream_.avail_out;
      const Bytes done = input.first(input.size() - stream_.avail_in);
      used(done);
      rest_ = rest_.subspan(done.size());
      ended_ = status == Z_STREAM_END;
      if (!ended_ && status != Z_OK) break;  // damaged, or no more data
    }
    return filled;
  }

  // Whether the stream ended and consumed all data.
  bool at_end() {
    std::byte more;
    return fill({&more, 1}, [](Bytes) {}) == 0 && ended_ && rest_.empty();
  }

 private:
  z_stream stream_{};
  Bytes rest_;
  bool ended_ = false;
};

}  // namespace

const ZipEntry& ZipFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    throw Error(fmt::format("'{}' has no entry '{}'", path_, name));
  }
  return found->second;
}

std::span<const std::byte> ZipFile::data(const ZipEntry& entry) const {
  return file_.bytes().subspan(entry.data_offset, entry.compressed);
}

std::span<const std::byte> ZipFile::stored(const std::string& name) const {
  const ZipEntry& entry = this->entry(name);
  const Bytes all = data(entry);
  if (entry.deflated) {
    throw Error(fmt::format("'{}': entry '{}' must not be compressed", path_, name));
  }
  if (checked_.contains(name)) return all;
  std::uint32_t crc = 0;
  for (std::size_t at = 0; at < all.size(); at += chunk_bytes) {
    const Bytes part = all.subspan(at, std::min(chunk_bytes, all.size() - at));
    crc = crc_of(crc, part);
    // The caller may need only a part of a large entry.
    if (all.size() > chunk_bytes) release(part);
  }
  if (crc != entry.crc) {
    throw Error(
        fmt::format("'{}': entry '{}' is damaged (wrong CRC); fetch the file again", path_, name));
  }
  checked_.insert(name);
  return all;
}

std::vector<std::byte> ZipFile::read(const std::string& name, std::uint64_t limit) const {
  const ZipEntry& entry = this->entry(name);
  if (entry.size > limit) {
    throw Error(fmt::format("'{}': entry '{}' has {} bytes, more than the {} that are accepted",
                            path_, name, entry.size, limit));
  }
  if (!entry.deflated) {
    const Bytes all = stored(name);
    std::vector<std::byte> contents(all.begin(), all.end());
    release(all);
    return contents;
  }
  std::vector<std::byte> contents(entry.size);
  Inflater inflater(data(entry));
  const std::size_t filled = inflater.fill(contents, [&](Bytes part) { release(part); });
  std::uint32_t crc = 0;
  for (std::size_t at = 0; at < filled; at += chunk_bytes) {
    crc = crc_of(crc, Bytes(contents).subspan(at, std::min(chunk_bytes, filled - at)));
  }
  if (filled != entry.size || !inflater.at_end() || crc != entry.crc) {
    throw Error(fmt::format(
        "'{}': entry '{}' is damaged (its contents do not match the directory); fetch the file "
        "again",
        path_, name));
  }
  return contents;
}

std::vector<std::byte> ZipFile::read_prefix(const std::string& name, std::size_t count) const {
  const ZipEntry& entry = this->entry(name);
  const Bytes all = data(entry);
  const std::size_t wanted = std::min<std::uint64_t>(entry.size, count);
  if (!entry.deflated) return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(wanted)};
  std::vector<std::byte> contents(wanted);
  Inflater inflater(all);
  contents.resize(inflater.fill(contents, [](Bytes) {}));
  return contents;
}

}  // namespace quantring::weights
