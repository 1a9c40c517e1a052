// Pictures and IDX files from any bytes. The first byte selects: odd, parse_idx; even,
// decode_image, bit 1: grey or RGB, bit 2: PNG checksums are corrected first, so that changed
// chunks are read.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "engine/image/idx.h"
#include "engine/image/image.h"
#include "ops/base/error.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

void correct_png_checksums(Bytes& file) {
  constexpr std::size_t signature = 8, overhead = 12;  // length, type, checksum
  for (std::size_t at = signature; at + overhead <= file.size();) {
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | file[at + i];
    if (length > file.size() - at - overhead) return;
    const auto sum = crc32(0, &file[at + 4], static_cast<unsigned>(length + 4));
    for (int i = 0; i < 4; ++i)
      file[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += overhead + length;
  }
}

void check_idx(std::span<const std::byte> file) {
  const quantring::IdxArray array = quantring::parse_idx(file, "fuzz");
  std::uint64_t count = 1;
  for (const std::uint32_t side : array.shape) count *= side;
  if (array.values.size() != count) std::abort();
}

void check_image(std::span<const std::byte> file, int channels) {
  // Large pictures are slow and reach no other code.
  constexpr std::int64_t max_pixels = 1 << 16;
  const quantring::Image image = quantring::decode_image(file, channels, "fuzz", max_pixels);
  if (image.channels != channels ||
      image.pixels.size() != static_cast<std::size_t>(image.width) * image.height * image.channels)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Bytes file(data + 1, data + size);
  if ((data[0] & 4) != 0) correct_png_checksums(file);
  const auto bytes = std::as_bytes(std::span(file));
  try {
    if ((data[0] & 1) != 0) {
      check_idx(bytes);
    } else {
      check_image(bytes, (data[0] & 2) != 0 ? 1 : 3);
    }
  } catch (const quantring::Error&) {
    return 0;
  }
  return 0;
}
