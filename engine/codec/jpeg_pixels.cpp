#include "engine/codec/jpeg_pixels.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "engine/codec/codec.h"
#include "engine/image/formats/decoders.h"
#include "engine/image/formats/jpeg_write.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

constexpr std::size_t max_side = 65535;

std::size_t plane_of(PixelShape shape) {
  return shape.height * shape.width;
}

// Planes to pixels of all channels; `planes`: of one image.
Image interleaved(const std::byte* planes, PixelShape shape) {
  const std::size_t plane = plane_of(shape);
  Image image{.width = static_cast<int>(shape.width),
              .height = static_cast<int>(shape.height),
              .channels = static_cast<int>(shape.channels),
              .pixels = std::vector<std::uint8_t>(shape.channels * plane)};
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t i = 0; i < plane; ++i)
      image.pixels[i * shape.channels + c] = std::to_integer<std::uint8_t>(planes[c * plane + i]);
  return image;
}

void to_planes(const Image& image, PixelShape shape, std::byte* planes) {
  const std::size_t plane = plane_of(shape);
  for (std::size_t c = 0; c < shape.channels; ++c)
    for (std::size_t i = 0; i < plane; ++i)
      planes[c * plane + i] = std::byte{image.pixels[i * shape.channels + c]};
}

}  // namespace

bool can_be_jpeg(PixelShape shape) {
  const bool sides = shape.width - 1 < max_side && shape.height - 1 < max_side;
  return sides && (shape.channels == 1 || shape.channels == 3);
}

std::vector<std::byte> jpeg_pixels(std::span<const std::byte> pixels, PixelShape shape,
                                   int quality) {
  if (!can_be_jpeg(shape) || pixels.size() != shape.count() || shape.images == 0 || quality < 1 ||
      quality > 100)
    throw Error("pixels that cannot be a JPEG");
  const std::size_t lengths = coded_header_bytes, each = shape.channels * plane_of(shape);
  std::vector<std::byte> coded(lengths + shape.images * sizeof(std::uint32_t));
  write_coded_header({CodecId::jpeg, static_cast<std::uint8_t>(quality)},
                     std::span(coded).first<coded_header_bytes>());
  for (std::size_t i = 0; i < shape.images; ++i) {
    const std::vector<std::byte> jpeg =
        encode_jpeg(interleaved(pixels.data() + i * each, shape), quality, Chroma::full);
    const auto bytes = static_cast<std::uint32_t>(jpeg.size());
    std::memcpy(coded.data() + lengths + i * sizeof bytes, &bytes, sizeof bytes);
    coded.insert(coded.end(), jpeg.begin(), jpeg.end());
    if (coded.size() >= coded_header_bytes + pixels.size()) return coded_pixels(pixels);
  }
  return coded;
}

bool is_jpeg_pixels(std::span<const std::byte> coded) {
  return coded.size() >= coded_header_bytes && static_cast<CodecId>(coded[0]) == CodecId::jpeg;
}

std::vector<std::byte> decoded_jpeg_pixels(std::span<const std::byte> coded, PixelShape shape) {
  const std::size_t each = shape.channels * plane_of(shape);
  const bool header = is_jpeg_pixels(coded) && coded[1] >= std::byte{1} &&
                      coded[1] <= std::byte{100} && coded[2] == std::byte{0} &&
                      coded[3] == std::byte{0};
  if (!header || !can_be_jpeg(shape) || coded.size() > coded_header_bytes + shape.count() ||
      (coded.size() - coded_header_bytes) / sizeof(std::uint32_t) < shape.images)
    throw Error("JPEGs of pixels with a wrong header");
  std::vector<std::byte> pixels(coded_header_bytes + shape.count());
  write_coded_header({CodecId::pixels, 8}, std::span(pixels).first<coded_header_bytes>());
  auto rest = coded.subspan(coded_header_bytes + shape.images * sizeof(std::uint32_t));
  for (std::size_t i = 0; i < shape.images; ++i) {
    std::uint32_t bytes = 0;
    std::memcpy(&bytes, coded.data() + coded_header_bytes + i * sizeof bytes, sizeof bytes);
    if (bytes > rest.size()) throw Error("JPEGs of pixels are cut short");
    const std::string name = "picture " + std::to_string(i) + " of the frame";
    const Image image = decode_jpeg({.bytes = rest.first(bytes),
                                     .name = name,
                                     .max_pixels = static_cast<std::int64_t>(plane_of(shape)),
                                     .one_scan = true});
    if (image.width != static_cast<int>(shape.width) ||
        image.height != static_cast<int>(shape.height) ||
        image.channels != static_cast<int>(shape.channels))
      throw Error(name + " has another size than the model takes");
    to_planes(image, shape, pixels.data() + coded_header_bytes + i * each);
    rest = rest.subspan(bytes);
  }
  if (!rest.empty()) throw Error("JPEGs of pixels with bytes behind the last");
  return pixels;
}

}  // namespace quantring
