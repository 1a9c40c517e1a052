// PNG by libpng.
#include <array>
#include <csetjmp>
#include <cstring>
#include <string>

#include <png.h>

#include "engine/image/formats/decoders.h"

namespace quantring {
namespace {

struct Decoder {
  explicit Decoder(std::span<const std::byte> file) : rest(file) {}
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Throws what went wrong after one of the functions below returned false.
  [[noreturn]] void fail(const EncodedPicture& file) const {
    if (ran_out) throw_cut_short(file);
    throw_broken(file, message.data());
  }

  // libpng's error callback must not return, and an exception must not pass through C code: a
  // function that calls setjmp must own no object with a destructor.
  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    auto& decoder = *static_cast<Decoder*>(png_get_error_ptr(png));
    std::strncpy(decoder.message.data(), text, decoder.message.size() - 1);
    std::longjmp(decoder.jump, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  static void read(png_structp png, png_bytep to, std::size_t count) {
    auto& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
    if (count > decoder.rest.size()) {
      decoder.ran_out = true;
      png_error(png, "cut short");
    }
    std::memcpy(to, decoder.rest.data(), count);
    decoder.rest = decoder.rest.subspan(count);
  }

  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf jump{};
  std::array<char, 200> message{"out of memory"};
  std::span<const std::byte> rest;
  bool ran_out = false;
};

bool read_header(Decoder& decoder) {
  if (setjmp(decoder.jump) != 0) return false;
  decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, &Decoder::on_error,
                                       &Decoder::on_warning);
  if (decoder.png == nullptr) return false;
  decoder.info = png_create_info_struct(decoder.png);
  if (decoder.info == nullptr) return false;
  png_set_read_fn(decoder.png, &decoder, &Decoder::read);
  // Sizes are checked by make_image, whose message says more.
  png_set_user_limits(decoder.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  // Text, colour profiles and all else that does not change pixels is skipped and not inflated;
  // transparency too.
  png_set_keep_unknown_chunks(decoder.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  constexpr std::array<png_byte, 5> transparency = {'t', 'R', 'N', 'S', 0};
  png_set_keep_unknown_chunks(decoder.png, PNG_HANDLE_CHUNK_NEVER, transparency.data(), 1);
  png_read_info(decoder.png, decoder.info);
  return true;
}

// To 8 bits, grey or RGB.
bool read_rows(Decoder& decoder, Image& image) {
  if (setjmp(decoder.jump) != 0) return false;
  png_structp png = decoder.png;
  png_set_palette_to_rgb(png);
  png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, decoder.info);
  const std::size_t stride = static_cast<std::size_t>(image.width) * image.channels;
  if (png_get_rowbytes(png, decoder.info) != stride) png_error(png, "unknown kind of pixels");
  for (int pass = 0; pass < passes; ++pass)
    for (int y = 0; y < image.height; ++y)
      png_read_row(png, image.pixels.data() + y * stride, nullptr);
  return true;
}

}  // namespace

Image decode_png(const EncodedPicture& file) {
  Decoder decoder(file.bytes);
  if (!read_header(decoder)) decoder.fail(file);
  const bool coloured = (png_get_color_type(decoder.png, decoder.info) & PNG_COLOR_MASK_COLOR) != 0;
  Image image = make_image(png_get_image_width(decoder.png, decoder.info),
                           png_get_image_height(decoder.png, decoder.info), coloured ? 3 : 1, file);
  if (!read_rows(decoder, image)) decoder.fail(file);
  return image;
}

}  // namespace quantring
