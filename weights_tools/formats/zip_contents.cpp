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

// Data are processed in chunks of this many bytes, so that zlib's 32-bit counts suffice.
constexpr std::size_t chunk_bytes = 4 << 20;

std::uint32_t crc_of(Bytes all) {
  uLong crc = 0;
  for (std::size_t at = 0; at < all.size(); at += chunk_bytes) {
    const Bytes part = all.subspan(at, std::min(chunk_bytes, all.size() - at));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
  }
  return static_cast<std::uint32_t>(crc);
}

class Inflater {
 public:
  explicit Inflater(Bytes data) : rest_(data) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills target from the data and returns the number of bytes.
  std::size_t fill(std::span<std::byte> target) {
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
      rest_ = rest_.subspan(input.size() - stream_.avail_in);
      ended_ = status == Z_STREAM_END;
      if (!ended_ && status != Z_OK) break;  // damaged, or no more data
    }
    return filled;
  }

  // Whether the stream ended and consumed all data.
  bool at_end() {
    std::byte more;
    return fill({&more, 1}) == 0 && ended_ && rest_.empty();
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

std::vector<std::byte> ZipFile::read_stored(const std::string& name) const {
  const ZipEntry& entry = this->entry(name);
  if (entry.deflated) {
    throw Error(fmt::format("'{}': entry '{}' must not be compressed", path_, name));
  }
  std::vector<std::byte> all = file_.read(entry.data_offset, entry.compressed);
  if (crc_of(all) != entry.crc) {
    throw Error(
        fmt::format("'{}': entry '{}' is damaged (wrong CRC); fetch the file again", path_, name));
  }
  return all;
}

std::span<const std::byte> ZipFile::stored(const std::string& name) const {
  if (name != last_name_) {
    last_name_.clear();  // until the new one is read without an error
    last_ = {};
    last_ = read_stored(name);
    last_name_ = name;
  }
  return last_;
}

std::vector<std::byte> ZipFile::read(const std::string& name, std::uint64_t limit) const {
  const ZipEntry& entry = this->entry(name);
  if (entry.size > limit) {
    throw Error(fmt::format("'{}': entry '{}' has {} bytes, more than the {} that are accepted",
                            path_, name, entry.size, limit));
  }
  if (!entry.deflated) return read_stored(name);
  const std::vector<std::byte> deflated = file_.read(entry.data_offset, entry.compressed);
  std::vector<std::byte> contents(entry.size);
  Inflater inflater(deflated);
  const std::size_t filled = inflater.fill(contents);
  if (filled != entry.size || !inflater.at_end() || crc_of(contents) != entry.crc) {
    throw Error(fmt::format(
        "'{}': entry '{}' is damaged (its contents do not match the directory); fetch the file "
        "again",
        path_, name));
  }
  return contents;
}

std::vector<std::byte> ZipFile::read_prefix(const std::string& name, std::size_t count) const {
  const ZipEntry& entry = this->entry(name);
  const std::size_t wanted = std::min<std::uint64_t>(entry.size, count);
  if (!entry.deflated) return file_.read(entry.data_offset, wanted);
  // Deflate may need a little more than it gives.
  const std::vector<std::byte> deflated =
      file_.read(entry.data_offset, std::min<std::uint64_t>(entry.compressed, 2 * wanted + 4096));
  std::vector<std::byte> contents(wanted);
  Inflater inflater(deflated);
  contents.resize(inflater.fill(contents));
  return contents;
}

}  // namespace quantring::weights
