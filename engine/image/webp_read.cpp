// WebP by libwebp.
#include <fmt/format.h>
#include <webp/decode.h>

#include "engine/image/decoders.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

const char* cause(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "unknown feature of WebP";
    default:
      return "bad WebP data";
  }
}

void check(VP8StatusCode status, const PictureFile& file) {
  if (status == VP8_STATUS_OK) return;
  if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) throw_cut_short(file);
  throw_broken(file, cause(status));
}

}  // namespace

Image decode_webp(const PictureFile& file) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(file.bytes.data());
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0)
    throw Error("libwebp has another version than its header");
  check(WebPGetFeatures(bytes, file.bytes.size(), &config.input), file);
  if (config.input.has_animation != 0)
    throw Error(
        fmt::format("{}: an animated WebP; only still ones can be read: take a frame out of "
                    "it (webpmux -get frame 1)",
                    file.name));
  Image image = make_image(config.input.width, config.input.height, 3, file);
  config.output.colorspace = MODE_RGB;  // without the alpha
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {
      .rgba = image.pixels.data(), .stride = 3 * image.width, .size = image.pixels.size()};
  check(WebPDecode(bytes, file.bytes.size(), &config), file);
  return image;
}

}  // namespace quantring
