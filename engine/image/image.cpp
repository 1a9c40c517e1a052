#include "engine/image/image.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include "engine/image/jpeg_check.h"
#include "ops/base/error.h"

namespace {

// A small PNG can inflate to gigabytes whatever size its header names, so stb's memory is bounded
// by what the header can justify. Set before each picture. And it is zeroed: a broken JPEG may use
// tables that it never defined.
thread_local std::size_t stb_largest_block = 0;

void* stb_malloc(std::size_t bytes) {
  return bytes <= stb_largest_block ? std::calloc(1, bytes) : nullptr;
}

void* stb_realloc(void* block, std::size_t bytes) {
  return bytes <= stb_largest_block ? std::realloc(block, bytes) : nullptr;
}

// An empty chunk at the start of a PNG's data is copied to a null pointer, which memcpy does not
// allow even for no bytes.
void* stb_memcpy(void* to, const void* from, std::size_t bytes) {
  return bytes == 0 ? to : std::memcpy(to, from, bytes);
}

}  // namespace

// stb_image compiled here, private to this file. Only the formats that we promise: each further one
// is more code that strangers' bytes can reach.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_MAX_DIMENSIONS 65535
#define STBI_MALLOC(bytes) stb_malloc(bytes)
#define STBI_REALLOC(block, bytes) stb_realloc(block, bytes)
#define STBI_FREE(block) std::free(block)
#define memcpy stb_memcpy
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#if defined(__clang__)
// On broken JPEGs stb shifts a bit buffer by more than its width and lets coefficients overflow:
// the pixels are garbage then, but no memory is touched by it. The fuzzer is to look for what does
// touch memory.
#pragma clang attribute push(__attribute__((no_sanitize("shift", "signed-integer-overflow"))), \
                             apply_to = function)
#endif
#include <stb_image.h>
#undef memcpy
#if defined(__clang__)
#pragma clang attribute pop
#endif
#pragma GCC diagnostic pop

namespace quantring {
namespace {

static_assert(STBI_MAX_DIMENSIONS == image_max_side);

constexpr std::size_t stb_working_memory = 1 << 20;  // its tables and decoder state

constexpr const char* formats = "JPEG, PNG and BMP can be read";

void check_channels(int channels) {
  if (channels != 1 && channels != 3)
    throw Error(fmt::format("pictures have 1 or 3 channels, not {}", channels));
}

// Pillow's weights of ITU-R 601 luma in 16-bit fixed point, rounded.
std::uint8_t grey(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >>
                                   16);
}

// Feeds stb and notes whether it asked for more than there is: what a cut file lacks it would fill
// with zeros and call the result a picture.
class Feed {
 public:
  explicit Feed(std::span<const std::byte> file) : rest_(file) {}

  bool ran_out() const { return ran_out_; }

  static stbi_io_callbacks callbacks() {
    return {
        .read = [](void* user, char* to,
                   int count) { return static_cast<Feed*>(user)->read(to, count); },
        .skip = [](void* user, int count) { static_cast<Feed*>(user)->read(nullptr, count); },
        .eof =
            [](void* user) { return static_cast<int>(static_cast<Feed*>(user)->rest_.empty()); }};
  }

 private:
  int read(char* to, int count) {
    const auto wanted = static_cast<std::size_t>(count);
    const std::size_t given = std::min(wanted, rest_.size());
    if (rest_.empty() || (to == nullptr && given < wanted)) ran_out_ = true;
    if (to != nullptr && given > 0) std::memcpy(to, rest_.data(), given);
    rest_ = rest_.subspan(given);
    return static_cast<int>(given);
  }

  std::span<const std::byte> rest_;
  bool ran_out_ = false;
};

// stb's own conversions would weigh colours differently, so it decodes what the file holds and the
// channels are chosen here. stb_channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
void pick_channels(const std::uint8_t* in, int stb_channels, Image& image) {
  const std::size_t count = static_cast<std::size_t>(image.width) * image.height;
  image.pixels.resize(count * image.channels);
  std::uint8_t* out = image.pixels.data();
  const bool coloured = stb_channels >= 3;
  for (std::size_t i = 0; i < count; ++i, in += stb_channels) {
    if (image.channels == 1) {
      *out++ = coloured ? grey(in) : in[0];
    } else {
      for (int c = 0; c < 3; ++c) *out++ = in[coloured ? c : 0];
    }
  }
}

}  // namespace

Image decode_image(std::span<const std::byte> file, int channels, const std::string& name) {
  check_channels(channels);
  if (!huffman_tables_fit(file))
    throw Error(fmt::format("{}: broken picture (bad Huffman table); {}", name, formats));
  const stbi_io_callbacks callbacks = Feed::callbacks();

  // The header first: what it promises is bounded before stb takes memory for it.
  Image image;
  int stb_channels = 0;
  stb_largest_block = stb_working_memory;
  Feed header(file);
  if (stbi_info_from_callbacks(&callbacks, &header, &image.width, &image.height, &stb_channels) ==
      0)
    throw Error(fmt::format("{}: not a picture ({}); {}", name, stbi_failure_reason(), formats));
  if (image.width < 1 || image.height < 1 || image.width > image_max_side ||
      image.height > image_max_side || std::int64_t{image.width} * image.height > image_max_pixels)
    throw Error(fmt::format("{}: {} x {} is too large: at most {} pixels, {} a side", name,
                            image.width, image.height, image_max_pixels, image_max_side));

  // 16-bit RGBA or the coefficients of a JPEG in whole blocks, with slack; the compressed bytes,
  // doubled by a growing buffer.
  stb_largest_block +=
      16 * static_cast<std::size_t>(image.width + 64) * (image.height + 64) + 2 * file.size();
  Feed feed(file);
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> decoded(
      stbi_load_from_callbacks(&callbacks, &feed, &image.width, &image.height, &stb_channels, 0),
      &stbi_image_free);
  if (decoded == nullptr)
    throw Error(fmt::format("{}: broken picture ({}); {}", name, stbi_failure_reason(), formats));
  if (feed.ran_out()) throw Error(fmt::format("{}: the picture is cut short", name));
  image.channels = channels;
  pick_channels(decoded.get(), stb_channels, image);
  return image;
}

std::vector<std::byte> read_image_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? std::streamoff{file.tellg()} : -1;
  // A folder opens like a file, but its size cannot be told or makes no sense.
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
  pick_channels(image.pixels.data(), image.channels, converted);
  return converted;
}

}  // namespace quantring
