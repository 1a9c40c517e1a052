#include "engine/image/image.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "engine/image/formats/decoders.h"
#include "engine/image/formats/foreign_format.h"
#include "engine/image/orientation.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

void check_channels(int channels) {
  if (channels != 1 && channels != 3)
    throw Error(fmt::format("pictures have 1 or 3 channels, not {}", channels));
}

bool has_at(std::span<const std::byte> file, std::size_t offset, std::string_view magic) {
  return file.size() >= offset + magic.size() &&
         std::equal(magic.begin(), magic.end(), file.begin() + static_cast<std::ptrdiff_t>(offset),
                    [](char expected, std::byte found) {
                      return static_cast<std::byte>(expected) == found;
                    });
}

Image decode_native(const EncodedPicture& file) {
  if (has_at(file.bytes, 0, "\xFF\xD8")) return decode_jpeg(file);
  if (has_at(file.bytes, 0, "\x89PNG\r\n\x1A\n")) return decode_png(file);
  if (has_at(file.bytes, 0, "RIFF") && has_at(file.bytes, 8, "WEBP")) return decode_webp(file);
  if (has_at(file.bytes, 0, "P5") || has_at(file.bytes, 0, "P6")) return decode_pnm(file);
  if (const std::string format = foreign_format(file.bytes); !format.empty())
    throw Error(fmt::format("{}: {}; {}", file.name, format, can_be_read));
  return decode_other(file);
}

// Pillow's weights of ITU-R 601 luma in 16-bit fixed point, rounded.
std::uint8_t grey(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >>
                                   16);
}

}  // namespace

Image make_image(std::int64_t width, std::int64_t height, int channels,
                 const EncodedPicture& file) {
  if (width < 1 || height < 1 || width > image_max_side || height > image_max_side ||
      width * height > file.max_pixels)
    throw Error(fmt::format("{}: {} x {} is outside the limits: 1 to {} a side, at most {} pixels",
                            file.name, width, height, image_max_side, file.max_pixels));
  Image image{.width = static_cast<int>(width),
              .height = static_cast<int>(height),
              .channels = channels,
              .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(width * height) * channels);
  return image;
}

void throw_broken(const EncodedPicture& file, std::string_view cause) {
  throw Error(fmt::format("{}: broken picture ({})", file.name, cause));
}

void throw_cut_short(const EncodedPicture& file) {
  throw Error(fmt::format("{}: the picture is cut short", file.name));
}

Image decode_image(std::span<const std::byte> file, int channels, const std::string& name,
                   std::int64_t max_pixels) {
  check_channels(channels);
  Image image = convert_channels(decode_native({file, name, max_pixels}), channels);
  return turn_upright(std::move(image), exif_orientation(file));
}

std::vector<std::byte> read_image_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? std::streamoff{file.tellg()} : -1;
  // A folder can be opened like a file, but has no size, or an absurd one.
  if (size < 0 || size > std::numeric_limits<int>::max())
    throw Error(fmt::format("{}: cannot be read as a picture file", path));
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  file.seekg(0);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), size))
    throw Error(fmt::format("{}: reading failed", path));
  return bytes;
}

Image load_image(const std::string& path, int channels) {
  return decode_image(read_image_file(path), channels, path);
}

Image convert_channels(Image image, int channels) {
  check_channels(channels);
  check_channels(image.channels);
  if (image.channels == channels) return image;
  Image converted{.width = image.width, .height = image.height, .channels = channels, .pixels = {}};
  const std::size_t count = static_cast<std::size_t>(image.width) * image.height;
  converted.pixels.resize(count * channels);
  const std::uint8_t* in = image.pixels.data();
  std::uint8_t* out = converted.pixels.data();
  if (channels == 1) {
    for (std::size_t i = 0; i < count; ++i) out[i] = grey(in + 3 * i);
  } else {
    for (std::size_t i = 0; i < count; ++i) std::fill_n(out + 3 * i, 3, in[i]);
  }
  return converted;
}

}  // namespace quantring
