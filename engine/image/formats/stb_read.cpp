// BMP, the first frame of a GIF and TGA by stb_image.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "engine/image/formats/decoders.h"
#include "ops/base/error.h"

namespace {

// A header may claim more than the limits of make_image, so what stb may allocate at once is
// limited. Set before each picture.
thread_local std::size_t stb_max_block = 0;

void* stb_malloc(std::size_t bytes) {
  return bytes <= stb_max_block ? std::malloc(bytes) : nullptr;
}

void* stb_realloc(void* block, std::size_t bytes) {
  return bytes <= stb_max_block ? std::realloc(block, bytes) : nullptr;
}

}  // namespace

// Compiled here, private to this file, with the formats that no other library reads for us.
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_ONLY_TGA
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS 65535
#define STBI_MALLOC(bytes) stb_malloc(bytes)
#define STBI_REALLOC(block, bytes) stb_realloc(block, bytes)
#define STBI_FREE(block) std::free(block)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace quantring {
namespace {

static_assert(STBI_MAX_DIMENSIONS == image_max_side);

constexpr std::size_t stb_working_memory = 1 << 20;  // its tables and decoder state

// Gives stb the file and records whether it asked for more: it takes what is missing as zeros.
class Feed {
 public:
  explicit Feed(std::span<const std::byte> file) : rest_(file) {
    stbi_io_callbacks callbacks{
        .read = [](void* user, char* to,
                   int count) { return static_cast<Feed*>(user)->read(to, count); },
        .skip = [](void* user, int count) { static_cast<Feed*>(user)->read(nullptr, count); },
        .eof =
            [](void* user) { return static_cast<int>(static_cast<Feed*>(user)->rest_.empty()); }};
    stbi__start_callbacks(&context_, &callbacks, this);
  }
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  stbi__context* context() { return &context_; }
  bool ran_out() const { return ran_out_; }

 private:
  int read(char* to, int count) {
    const auto wanted = static_cast<std::size_t>(count);
    const std::size_t given = std::min(wanted, rest_.size());
    // stb fills its buffer ahead of need, so there less than it asks for is enough.
    const bool ahead = to == reinterpret_cast<char*>(context_.buffer_start);
    if (rest_.empty() || (!ahead && given < wanted)) ran_out_ = true;
    if (to != nullptr && given > 0) std::memcpy(to, rest_.data(), given);
    rest_ = rest_.subspan(given);
    return static_cast<int>(given);
  }

  std::span<const std::byte> rest_;
  stbi__context context_{};
  bool ran_out_ = false;
};

}  // namespace

Image decode_other(const EncodedPicture& file) {
  int width = 0, height = 0, channels = 0;
  stb_max_block = stb_working_memory;
  Feed header(file.bytes);
  if (stbi__info_main(header.context(), &width, &height, &channels) == 0)
    throw Error(
        fmt::format("{}: not a picture ({}); {}", file.name, stbi_failure_reason(), can_be_read));
  Image image = make_image(width, height, channels >= 3 ? 3 : 1, file);

  // 16-bit RGBA; the compressed bytes, doubled by a growing buffer.
  stb_max_block += 8 * static_cast<std::size_t>(width) * height + 2 * file.bytes.size();
  Feed feed(file.bytes);
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> decoded(
      stbi__load_and_postprocess_8bit(feed.context(), &width, &height, &channels, 0),
      &stbi_image_free);
  if (decoded == nullptr) throw_broken(file, stbi_failure_reason());
  if (feed.ran_out()) throw_cut_short(file);
  // 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. The header of a GIF has said 4.
  if (width != image.width || height != image.height || (channels >= 3) != (image.channels == 3))
    throw_broken(file, "the data contradicts the header");
  const stbi_uc* in = decoded.get();
  for (std::size_t i = 0; i < image.pixels.size(); i += image.channels, in += channels)
    std::copy_n(in, image.channels, image.pixels.data() + i);
  return image;
}

}  // namespace quantring
