// Pixels of the head's link from any bytes: packed, and as JPEGs. Input: a selector, images, width
// and height (u8 each), then the coded tensor; selector 2: what follows is one JPEG, given a
// header.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/codec/jpeg_pixels.h"
#include "ops/base/error.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace quantring;
using quantring::fuzz::Input;
using Bytes = std::vector<std::byte>;

Bytes with_header(const Bytes& jpeg) {
  Bytes coded(coded_header_bytes + sizeof(std::uint32_t));
  write_coded_header({CodecId::jpeg, 85}, std::span(coded).first<coded_header_bytes>());
  const auto bytes = static_cast<std::uint32_t>(jpeg.size());
  std::memcpy(coded.data() + coded_header_bytes, &bytes, sizeof bytes);
  coded.insert(coded.end(), jpeg.begin(), jpeg.end());
  return coded;
}

void decode_any(Bytes coded, PixelShape shape, bool jpeg) {
  try {
    const Bytes pixels = jpeg ? decoded_jpeg_pixels(coded, shape) : unpacked_pixels(coded, shape);
    if (pixels.size() != coded_header_bytes + shape.count()) std::abort();
    if (read_coded_header(pixels) != CodecSpec{CodecId::pixels, 8}) std::abort();
  } catch (const Error&) {
    return;
  }
}

void encode_any(const Bytes& bytes, PixelShape shape, int quality) {
  Bytes pixels = bytes;
  pixels.resize(shape.count());
  const Bytes plain = coded_pixels(pixels), packed = packed_pixels(pixels, shape),
              jpeg = jpeg_pixels(pixels, shape, quality);
  if (packed.size() > plain.size() || jpeg.size() > plain.size()) std::abort();
  if (is_packed_pixels(packed) && unpacked_pixels(packed, shape) != plain) std::abort();
  if (is_jpeg_pixels(jpeg) && decoded_jpeg_pixels(jpeg, shape).size() != plain.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t selector = input.byte();
  const std::size_t images = input.byte() % 4u + 1u;
  PixelShape shape{images, (selector & 0x80) != 0 ? 1u : 3u, input.byte() % 64u + 1u,
                   input.byte() % 64u + 1u};
  const Bytes rest = input.rest();
  if (selector % 4 == 2) shape.images = 1;
  if (selector % 4 == 3) {
    encode_any(rest, shape, selector / 4 % 100 + 1);
  } else {
    decode_any(selector % 4 == 2 ? with_header(rest) : rest, shape, selector % 4 != 0);
  }
  return 0;
}
