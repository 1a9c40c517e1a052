#include "engine/image/orientation.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/image/formats/jpeg_segments.h"

namespace quantring {
namespace {

using Bytes = std::span<const std::byte>;

enum class ByteOrder { little, big };

constexpr std::string_view exif_header{"Exif\0\0", 6};

bool starts_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char expected, std::byte found) { return std::byte(expected) == found; });
}

// Requires that the bytes are there.
std::size_t number(Bytes bytes, std::size_t at, std::size_t count, ByteOrder order) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t next = at + (order == ByteOrder::big ? i : count - 1 - i);
    value = value << 8 | std::to_integer<std::size_t>(bytes[next]);
  }
  return value;
}

// Of the first directory of EXIF's TIFF structure; 1 where it is not said.
int tiff_orientation(Bytes tiff) {
  // Some writers put JPEG's header of EXIF into the chunk of a PNG or WebP too.
  if (starts_with(tiff, exif_header)) tiff = tiff.subspan(exif_header.size());
  if (tiff.size() < 8) return 1;
  ByteOrder order = ByteOrder::little;
  if (starts_with(tiff, "MM")) {
    order = ByteOrder::big;
  } else if (!starts_with(tiff, "II")) {
    return 1;
  }
  const std::size_t directory = number(tiff, 4, 4, order);
  if (directory > tiff.size() - 2) return 1;
  constexpr std::size_t entry_bytes = 12, orientation_tag = 0x0112;
  const std::size_t stored = (tiff.size() - 2 - directory) / entry_bytes;
  const std::size_t entries = std::min(number(tiff, directory, 2, order), stored);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * entry_bytes;
    if (number(tiff, entry, 2, order) != orientation_tag) continue;
    const std::size_t type = number(tiff, entry + 2, 2, order);
    const std::size_t bytes = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
    if (bytes == 0 || number(tiff, entry + 4, 4, order) != 1) return 1;
    const std::size_t value = number(tiff, entry + 8, bytes, order);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

std::optional<Bytes> jpeg_exif(Bytes file) {
  constexpr std::uint8_t app1 = 0xE1;
  JpegSegments segments(file);
  while (const auto segment = segments.next())
    if (segment->marker == app1 && starts_with(segment->content, exif_header))
      return segment->content;
  return std::nullopt;
}

std::optional<Bytes> png_exif(Bytes file) {
  constexpr std::size_t signature = 8, overhead = 12;  // length, name, checksum
  for (std::size_t at = signature; file.size() >= overhead && at <= file.size() - overhead;) {
    const std::size_t length = number(file, at, 4, ByteOrder::big);
    if (length > file.size() - at - overhead) return std::nullopt;
    if (starts_with(file.subspan(at + 4), "eXIf")) return file.subspan(at + 8, length);
    at += overhead + length;
  }
  return std::nullopt;
}

std::optional<Bytes> webp_exif(Bytes file) {
  constexpr std::size_t header = 12, overhead = 8;  // name, length
  for (std::size_t at = header; file.size() >= overhead && at <= file.size() - overhead;) {
    const std::size_t length = number(file, at + 4, 4, ByteOrder::little);
    if (length > file.size() - at - overhead) return std::nullopt;
    if (starts_with(file.subspan(at), "EXIF")) return file.subspan(at + overhead, length);
    at += overhead + length + length % 2;
  }
  return std::nullopt;
}

std::optional<Bytes> find_exif(Bytes file) {
  if (starts_with(file, "\xFF\xD8")) return jpeg_exif(file);
  if (starts_with(file, "\x89PNG")) return png_exif(file);
  if (starts_with(file, "RIFF")) return webp_exif(file);
  return std::nullopt;
}

// Source bytes: where the first pixel of the result lies, and how far the next one in its row and
// in its column lies from there.
struct Walk {
  std::ptrdiff_t start, along_row, along_column;
};

Walk walk(const Image& image, int orientation) {
  const std::ptrdiff_t pixel = image.channels, row = pixel * image.width;
  const std::ptrdiff_t right = row - pixel, bottom = row * (image.height - 1);
  switch (orientation) {
    case 2:
      return {right, -pixel, row};
    case 3:
      return {bottom + right, -pixel, -row};
    case 4:
      return {bottom, pixel, -row};
    case 5:
      return {0, row, pixel};
    case 6:
      return {bottom, -row, pixel};
    case 7:
      return {bottom + right, -row, -pixel};
    case 8:
      return {right, row, -pixel};
    default:
      return {0, pixel, row};
  }
}

template <int Channels>
void copy_pixels(const Image& from, const Walk& way, Image& to) {
  // Squares that stay in the cache: rows of one are columns of the other.
  constexpr int side = 32;
  for (int top = 0; top < to.height; top += side)
    for (int left = 0; left < to.width; left += side)
      for (int y = top; y < std::min(top + side, to.height); ++y) {
        std::uint8_t* out =
            to.pixels.data() + (static_cast<std::size_t>(y) * to.width + left) * Channels;
        for (int x = left; x < std::min(left + side, to.width); ++x, out += Channels)
          std::copy_n(from.pixels.data() + way.start + way.along_row * x + way.along_column * y,
                      Channels, out);
      }
}

}  // namespace

int exif_orientation(Bytes file) {
  const auto exif = find_exif(file);
  return exif ? tiff_orientation(*exif) : 1;
}

Image turn_upright(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  Image turned{
      .width = image.width, .height = image.height, .channels = image.channels, .pixels = {}};
  if (orientation >= 5) std::swap(turned.width, turned.height);
  turned.pixels.resize(image.pixels.size());
  const Walk way = walk(image, orientation);
  image.channels == 1 ? copy_pixels<1>(image, way, turned) : copy_pixels<3>(image, way, turned);
  return turned;
}

}  // namespace quantring
