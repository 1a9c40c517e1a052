#include "engine/image/idx.h"

#include <algorithm>
#include <array>
#include <fstream>

#include <fmt/format.h>
#include <zlib.h>

#include "engine/model/file_reader.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

constexpr std::size_t max_dimensions = 4;
constexpr std::uint8_t type_byte = 8;

bool is_gzip(std::span<const std::byte> file) {
  return file.size() >= 2 && file[0] == std::byte{0x1F} && file[1] == std::byte{0x8B};
}

// Reads the bytes of a file in sequence and inflates gzip.
class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& name)
      : rest_(file), name_(name), gzip_(is_gzip(file)) {
    // 16 + window bits: a gzip header is expected.
    if (gzip_ && inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK)
      throw Error(fmt::format("{}: zlib cannot start", name_));
  }
  ~Reader() {
    if (gzip_) inflateEnd(&stream_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Up to `count` bytes; fewer only where the file ends.
  std::size_t read(std::uint8_t* to, std::size_t count) {
    if (gzip_) return inflate_some(to, count);
    const std::size_t given = std::min(count, rest_.size());
    std::copy_n(reinterpret_cast<const std::uint8_t*>(rest_.data()), given, to);
    rest_ = rest_.subspan(given);
    return given;
  }

 private:
  std::size_t inflate_some(std::uint8_t* to, std::size_t count) {
    constexpr std::size_t step = 1 << 20;  // zlib counts in 32 bits
    std::size_t given = 0;
    while (given < count && !ended_) {
      const std::size_t in = std::min(step, rest_.size()), out = std::min(step, count - given);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(rest_.data()));
      stream_.avail_in = static_cast<uInt>(in);
      stream_.next_out = to + given;
      stream_.avail_out = static_cast<uInt>(out);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      rest_ = rest_.subspan(in - stream_.avail_in);
      given += out - stream_.avail_out;
      ended_ = status == Z_STREAM_END;
      if (status == Z_BUF_ERROR && in == 0)
        throw Error(fmt::format("{}: the gzip stream is cut short; fetch the file again", name_));
      if (status != Z_OK && status != Z_STREAM_END)
        throw Error(fmt::format("{}: the gzip stream is broken ({}); fetch the file again", name_,
                                stream_.msg == nullptr ? "no detail" : stream_.msg));
    }
    if (given < count && !rest_.empty())
      throw Error(
          fmt::format("{}: {} bytes left over behind the gzip stream", name_, rest_.size()));
    return given;
  }

  std::span<const std::byte> rest_;
  const std::string& name_;
  bool gzip_ = false, ended_ = false;
  z_stream stream_{};
};

bool known_header(const std::array<std::uint8_t, 4>& magic) {
  return magic[0] == 0 && magic[1] == 0 && magic[2] == type_byte && magic[3] >= 1 &&
         magic[3] <= max_dimensions;
}

std::vector<std::uint32_t> read_shape(Reader& reader, const std::string& name) {
  std::array<std::uint8_t, 4> magic{};
  if (reader.read(magic.data(), 4) != 4 || !known_header(magic))
    throw Error(
        fmt::format("{}: not an IDX file of bytes with 1 to {} dimensions (it starts {:02x} {:02x} "
                    "{:02x} {:02x})",
                    name, max_dimensions, magic[0], magic[1], magic[2], magic[3]));
  std::vector<std::uint32_t> shape(magic[3]);
  for (auto& size : shape) {
    std::array<std::uint8_t, 4> big_endian{};
    if (reader.read(big_endian.data(), 4) != 4)
      throw Error(fmt::format("{}: cut short inside the header", name));
    for (const std::uint8_t byte : big_endian) size = size << 8 | byte;
  }
  return shape;
}

std::uint64_t count_values(const std::vector<std::uint32_t>& shape, const std::string& name) {
  std::uint64_t count = 1;
  for (const std::uint32_t size : shape) {
    if (size == 0) throw Error(fmt::format("{}: a dimension of size 0", name));
    if (size > idx_max_values / count)
      throw Error(fmt::format("{}: the header promises more than {} values", name, idx_max_values));
    count *= size;
  }
  return count;
}

}  // namespace

IdxArray parse_idx(std::span<const std::byte> file, const std::string& name) {
  Reader reader(file, name);
  IdxArray array;
  array.shape = read_shape(reader, name);
  const std::uint64_t count = count_values(array.shape, name);
  constexpr std::size_t first_step = 1 << 16;
  while (array.values.size() < count) {
    // The buffer doubles with the data that arrived, whatever the header claims.
    const std::size_t before = array.values.size();
    const std::size_t wanted = std::min<std::size_t>(std::max(before, first_step), count - before);
    array.values.resize(before + wanted);
    const std::size_t given = reader.read(array.values.data() + before, wanted);
    if (given < wanted)
      throw Error(fmt::format("{}: cut short: {} values of the {} that the header promises", name,
                              before + given, count));
  }
  std::uint8_t extra = 0;
  if (reader.read(&extra, 1) != 0)
    throw Error(fmt::format("{}: bytes left over behind the {} values that the header promises",
                            name, count));
  return array;
}

IdxArray load_idx(const std::string& path) {
  const FileReader file(path);
  return parse_idx(file.read(0, file.size()), path);
}

bool looks_like_idx(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 512> start{};
  file.read(start.data(), start.size());
  return looks_like_idx(
      std::as_bytes(std::span(start).first(static_cast<std::size_t>(file.gcount()))));
}

bool looks_like_idx(std::span<const std::byte> file) {
  std::array<std::uint8_t, 4> magic{};
  try {
    const std::string name;
    Reader reader(file, name);
    return reader.read(magic.data(), 4) == 4 && known_header(magic);
  } catch (const Error&) {
    return false;  // another gzip file, or a truncated one
  }
}

}  // namespace quantring
