#include "engine/image/jpeg_write.h"

#include <fmt/format.h>

#include "ops/base/error.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#if defined(__GNUC__)
// Private to this file, and only one of its writers is used.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#include <stb_image_write.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace quantring {

std::vector<std::byte> encode_jpeg(const Image& image, int quality) {
  std::vector<std::byte> file;
  const auto append = [](void* context, void* data, int size) {
    const auto* const bytes = static_cast<const std::byte*>(data);
    auto& out = *static_cast<std::vector<std::byte>*>(context);
    out.insert(out.end(), bytes, bytes + size);
  };
  const bool fits = image.width > 0 && image.height > 0 && image.width <= image_max_side &&
                    image.height <= image_max_side;
  if (!fits || stbi_write_jpg_to_func(append, &file, image.width, image.height, image.channels,
                                      image.pixels.data(), quality) == 0) {
    throw Error(
        fmt::format("a picture of {}x{} cannot be written as a JPEG", image.width, image.height));
  }
  return file;
}

}  // namespace quantring
