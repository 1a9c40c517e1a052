// WebP by libwebp.
#include <span>

#include <webp/decode.h>

#include "engine/image/formats/decoders.h"
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

void check(VP8StatusCode status, const EncodedPicture& file) {
  if (status == VP8_STATUS_OK) return;
  if (status == VP8_STATUS_NOT_ENOUGH_DATA || status == VP8_STATUS_SUSPENDED) throw_cut_short(file);
  throw_broken(file, cause(status));
}

std::size_t little_endian(std::span<const std::byte> bytes, std::size_t at, std::size_t count) {
  std::size_t value = 0;
  while (count-- > 0) value = value << 8 | std::to_integer<std::size_t>(bytes[at + count]);
  return value;
}

// The content of an animation's first ANMF chunk: its place, then a picture.
std::span<const std::byte> first_frame(const EncodedPicture& file) {
  constexpr std::size_t riff_header = 12, chunk_header = 8;
  constexpr std::size_t anmf = 0x464D4E41;  // "ANMF"
  for (std::size_t at = riff_header; at + chunk_header <= file.bytes.size();) {
    const std::size_t length = little_endian(file.bytes, at + 4, 4);
    const auto rest = file.bytes.subspan(at + chunk_header);
    if (length > rest.size()) break;
    if (little_endian(file.bytes, at, 4) == anmf) return rest.first(length);
    at += chunk_header + length + length % 2;
  }
  throw_cut_short(file);
}

void decode(std::span<const std::byte> bytes, WebPDecoderConfig& config, std::uint8_t* to,
            const Image& image, const EncodedPicture& file) {
  const std::size_t stride = 3 * static_cast<std::size_t>(image.width);
  config.output.colorspace = MODE_RGB;  // without the alpha
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {
      .rgba = to,
      .stride = static_cast<int>(stride),
      .size = image.pixels.size() - static_cast<std::size_t>(to - image.pixels.data())};
  check(WebPDecode(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &config),
        file);
}

WebPDecoderConfig features(std::span<const std::byte> bytes, const EncodedPicture& file) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0)
    throw Error("libwebp has another version than its header");
  check(WebPGetFeatures(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                        &config.input),
        file);
  return config;
}

}  // namespace

Image decode_webp(const EncodedPicture& file) {
  WebPDecoderConfig config = features(file.bytes, file);
  Image image = make_image(config.input.width, config.input.height, 3, file);
  if (config.input.has_animation == 0) {
    decode(file.bytes, config, image.pixels.data(), image, file);
    return image;
  }
  // Its first frame, on black where that does not cover the whole.
  constexpr std::size_t frame_header = 16;  // left and top, halved; width, height, time, flags
  const auto frame = first_frame(file);
  if (frame.size() <= frame_header) throw_cut_short(file);
  const std::size_t left = 2 * little_endian(frame, 0, 3), top = 2 * little_endian(frame, 3, 3);
  const auto picture = frame.subspan(frame_header);
  config = features(picture, file);
  if (config.input.has_animation != 0 ||
      left + static_cast<std::size_t>(config.input.width) > static_cast<std::size_t>(image.width) ||
      top + static_cast<std::size_t>(config.input.height) > static_cast<std::size_t>(image.height))
    throw_broken(file, "a frame outside the picture");
  const std::size_t offset = 3 * (top * static_cast<std::size_t>(image.width) + left);
  decode(picture, config, image.pixels.data() + offset, image, file);
  return image;
}

}  // namespace quantring
