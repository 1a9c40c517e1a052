#include "engine/image/formats/picture_size.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace quantring {
namespace {

using Bytes = std::span<const std::byte>;
using Size = std::optional<std::size_t>;
using namespace std::string_view_literals;

constexpr std::size_t no_end = max_streamed_picture_bytes + 1;

bool has_at(Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    [](char expected, std::byte found) { return std::byte(expected) == found; });
}

std::size_t byte_at(Bytes bytes, std::size_t at) {
  return at < bytes.size() ? std::to_integer<std::size_t>(bytes[at]) : 0;
}

std::size_t little_endian(Bytes bytes, std::size_t at, std::size_t count = 4) {
  std::size_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | byte_at(bytes, at + i);
  return value;
}

bool is_space(std::byte byte) {
  const auto character = static_cast<char>(byte);
  return character == ' ' || (character >= '\t' && character <= '\r');
}

// Of one factor at least each is limited, so that nothing overflows.
std::size_t limited_product(std::size_t a, std::size_t b) {
  return b == 0 || a <= max_streamed_picture_bytes / b ? a * b : no_end;
}

bool is_png(Bytes bytes) {
  return has_at(bytes, 0, "\x89PNG\r\n\x1A\n");
}

Size png_size(Bytes bytes) {
  constexpr std::size_t signature = 8, overhead = 12;  // length, name, checksum
  for (std::size_t at = signature; at + 8 <= bytes.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | byte_at(bytes, at + i);
    const bool last = has_at(bytes, at + 4, "IEND");
    at += overhead + length;
    if (last) return at;
  }
  return std::nullopt;
}

bool is_webp(Bytes bytes) {
  return has_at(bytes, 0, "RIFF") && has_at(bytes, 8, "WEBP");
}

Size webp_size(Bytes bytes) {
  const std::size_t content = little_endian(bytes, 4);
  return 8 + content + content % 2;
}

bool is_pnm(Bytes bytes) {
  return (has_at(bytes, 0, "P5") || has_at(bytes, 0, "P6")) && bytes.size() > 2 &&
         is_space(bytes[2]);
}

Size pnm_size(Bytes bytes) {
  std::size_t numbers[3] = {}, at = 2;  // width, height, largest value
  for (std::size_t& number : numbers) {
    for (bool comment = false;
         at < bytes.size() && (comment || is_space(bytes[at]) || bytes[at] == std::byte{'#'}); ++at)
      comment = comment ? bytes[at] != std::byte{'\n'} : bytes[at] == std::byte{'#'};
    for (; at < bytes.size() && bytes[at] >= std::byte{'0'} && bytes[at] <= std::byte{'9'}; ++at)
      number = std::min(10 * number + byte_at(bytes, at) - '0', max_streamed_picture_bytes);
  }
  if (at >= bytes.size()) return std::nullopt;
  const std::size_t sample = numbers[2] > 255 ? 2 : 1, channels = byte_at(bytes, 1) == '6' ? 3 : 1;
  return at + 1 + limited_product(numbers[0] * channels * sample, numbers[1]);
}

// By the size of the header that follows the file's: others begin with these letters too.
bool is_bmp(Bytes bytes) {
  const std::size_t header = little_endian(bytes, 14);
  return has_at(bytes, 0, "BM") && (header == 12 || (header >= 40 && header <= 124));
}

// Of pixels that are not compressed.
std::size_t bmp_pixels_end(Bytes bytes) {
  const bool old = little_endian(bytes, 14) == 12;
  const std::size_t compression = old ? 0 : little_endian(bytes, 30);
  constexpr std::size_t none = 0, masks = 3;
  if (compression != none && compression != masks) return no_end;
  const auto width = static_cast<std::int32_t>(little_endian(bytes, 18, old ? 2 : 4)),
             height = static_cast<std::int32_t>(
                 little_endian(bytes, old ? 20 : 22, old ? 2 : 4));  // negative: from the top
  const std::size_t bits = little_endian(bytes, old ? 24 : 28, 2),
                    row = (static_cast<std::size_t>(std::abs(std::int64_t{width})) * bits + 31) /
                          32 * 4;
  return little_endian(bytes, 10) +
         limited_product(row, static_cast<std::size_t>(std::abs(std::int64_t{height})));
}

// The size that the header gives may be left out or wrong.
Size bmp_size(Bytes bytes, bool ended) {
  const std::size_t given = little_endian(bytes, 2);
  if (given >= recognised_bytes && (given <= bytes.size() || !ended)) return given;
  return bmp_pixels_end(bytes);
}

bool is_gif(Bytes bytes) {
  return has_at(bytes, 0, "GIF87a") || has_at(bytes, 0, "GIF89a");
}

std::size_t colour_table(std::size_t flags) {
  return (flags & 0x80) == 0 ? 0 : std::size_t{3} << ((flags & 7) + 1);
}

Size gif_size(Bytes bytes) {
  constexpr std::size_t extension = 0x21, image = 0x2C, trailer = 0x3B;
  std::size_t at = 13 + colour_table(byte_at(bytes, 10)), after_image = 0;
  while (at < bytes.size()) {
    const std::size_t block = byte_at(bytes, at);
    if (block == trailer) return at + 1;
    if (block == extension) {
      at += 2;
    } else if (block == image) {
      if (at + 9 >= bytes.size()) return std::nullopt;
      at += 11 + colour_table(byte_at(bytes, at + 9));
    } else {
      return after_image > 0 ? after_image : no_end;  // a trailer left out
    }
    while (at < bytes.size() && byte_at(bytes, at) != 0) at += 1 + byte_at(bytes, at);
    ++at;
    if (block == image) after_image = at;
  }
  return std::nullopt;
}

// It has no signature, so every field of its header must be possible.
bool is_tga(Bytes bytes) {
  if (bytes.size() < 18) return false;
  const std::size_t map = byte_at(bytes, 1), kind = byte_at(bytes, 2) & ~std::size_t{8},
                    depth = byte_at(bytes, 16);
  const bool palette = kind == 1 && map == 1 && depth == 8,
             colour = kind == 2 && (depth == 15 || depth == 16 || depth == 24 || depth == 32),
             grey = kind == 3 && (depth == 8 || depth == 16);
  return byte_at(bytes, 2) < 12 && map < 2 && (palette || colour || grey) &&
         (map == 1 || little_endian(bytes, 3, 4) == 0) && little_endian(bytes, 12, 2) > 0 &&
         little_endian(bytes, 14, 2) > 0 && byte_at(bytes, 17) < 0x40;
}

Size tga_pixels_end(Bytes bytes) {
  const std::size_t map = little_endian(bytes, 5, 2) * ((byte_at(bytes, 7) + 7) / 8),
                    pixel = (byte_at(bytes, 16) + 7) / 8,
                    count = little_endian(bytes, 12, 2) * little_endian(bytes, 14, 2);
  std::size_t at = 18 + byte_at(bytes, 0) + map;
  if (byte_at(bytes, 2) < 8) return at + limited_product(count, pixel);
  for (std::size_t pixels = 0; pixels < count;) {  // packets of up to 128
    if (at >= bytes.size()) return std::nullopt;
    const std::size_t packet = byte_at(bytes, at), length = (packet & 0x7F) + 1;
    at += 1 + pixel * (packet >= 0x80 ? 1 : length);
    pixels += length;
  }
  return at;
}

// A footer may follow the pixels, and before it a block of facts.
Size tga_size(Bytes bytes, bool ended) {
  constexpr auto signature = "TRUEVISION-XFILE."sv;
  constexpr std::size_t footer = 26, facts = 495;
  const Size end = tga_pixels_end(bytes);
  if (!end || (!ended && *end + footer > bytes.size())) return std::nullopt;
  if (has_at(bytes, *end + 8, signature)) return *end + footer;
  if (little_endian(bytes, *end, 2) != facts) return end;
  if (!ended && *end + facts + footer > bytes.size()) return std::nullopt;
  return has_at(bytes, *end + facts + 8, signature) ? *end + facts + footer : *end;
}

}  // namespace

bool says_its_size(Bytes bytes) {
  return is_png(bytes) || is_webp(bytes) || is_pnm(bytes) || is_bmp(bytes) || is_gif(bytes) ||
         is_tga(bytes);
}

Size picture_size(Bytes bytes, bool ended) {
  if (is_png(bytes)) return png_size(bytes);
  if (is_webp(bytes)) return webp_size(bytes);
  if (is_pnm(bytes)) return pnm_size(bytes);
  if (is_bmp(bytes)) return bmp_size(bytes, ended);
  if (is_gif(bytes)) return gif_size(bytes);
  return tga_size(bytes, ended);
}

}  // namespace quantring
