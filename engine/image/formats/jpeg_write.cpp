#include "engine/image/formats/jpeg_write.h"

#include <cstdlib>

#include <fmt/format.h>

#include "engine/image/formats/jpeg_errors.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

struct Encoder {
  Encoder() { jpeg.err = &errors.manager; }
  ~Encoder() {
    jpeg_destroy_compress(&jpeg);
    std::free(bytes);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  JpegErrors errors;
  jpeg_compress_struct jpeg{};
  unsigned char* bytes = nullptr;  // allocated by libjpeg
  unsigned long size = 0;
};

bool encode(Encoder& encoder, const Image& image, int quality, Chroma chroma) {
  if (setjmp(encoder.errors.jump) != 0) return false;
  jpeg_compress_struct& jpeg = encoder.jpeg;
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, &encoder.bytes, &encoder.size);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = image.channels;
  jpeg.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  if (chroma == Chroma::full) {
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = 1;
    jpeg.optimize_coding = TRUE;
  }
  jpeg_start_compress(&jpeg, TRUE);
  const std::size_t stride = static_cast<std::size_t>(image.width) * image.channels;
  while (jpeg.next_scanline < jpeg.image_height) {
    // libjpeg takes a pointer to non-const and does not write.
    auto* row = const_cast<JSAMPROW>(image.pixels.data() + jpeg.next_scanline * stride);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  return true;
}

}  // namespace

std::vector<std::byte> encode_jpeg(const Image& image, int quality, Chroma chroma) {
  const bool consistent =
      image.width > 0 && image.height > 0 && (image.channels == 1 || image.channels == 3) &&
      image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * image.channels;
  Encoder encoder;
  if (!consistent || !encode(encoder, image, quality, chroma))
    throw Error(fmt::format(
        "a picture of {} x {} x {} channels in {} bytes cannot be written as a JPEG{}{}",
        image.width, image.height, image.channels, image.pixels.size(), consistent ? ": " : "",
        consistent ? encoder.errors.message.data() : ""));
  const auto* const bytes = reinterpret_cast<const std::byte*>(encoder.bytes);
  return {bytes, bytes + encoder.size};
}

}  // namespace quantring
