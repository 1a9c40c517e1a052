// JPEG by libjpeg-turbo, with the settings that Pillow uses: the accurate integer DCT and smooth
// chroma upsampling, which are libjpeg's defaults.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/image/formats/decoders.h"
#include "engine/image/formats/jpeg_errors.h"
#include "ops/base/error.h"

#include <jerror.h>

namespace quantring {
namespace {

// A few bytes can make a scan that passes over the whole picture. Encoders write about ten.
constexpr int max_scans = 100;
constexpr std::array<JOCTET, 2> end_of_image = {0xFF, JPEG_EOI};

[[noreturn]] void throw_precision(const EncodedPicture& file, int bits) {
  throw Error(fmt::format(
      "{}: a JPEG with {} bits a value, of which only those with 8 can be read: convert "
      "it with libjpeg-turbo 3: djpeg -outfile x.ppm x.jpg",
      file.name, bits));
}

struct Decoder {
  explicit Decoder(std::span<const std::byte> file) {
    jpeg.err = &errors.manager;
    errors.manager.emit_message = &on_message;
    jpeg.client_data = this;
    source.next_input_byte = reinterpret_cast<const JOCTET*>(file.data());
    source.bytes_in_buffer = file.size();
    source.init_source = [](j_decompress_ptr) {};
    source.fill_input_buffer = &on_end_of_file;
    source.skip_input_data = &skip;
    source.resync_to_restart = &jpeg_resync_to_restart;
    source.term_source = [](j_decompress_ptr) {};
    progress.progress_monitor = &on_progress;
  }
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Throws what went wrong after one of the functions below returned false.
  [[noreturn]] void fail(const EncodedPicture& file) const {
    if (errors.manager.msg_code == JERR_BAD_PRECISION) throw_precision(file, jpeg.data_precision);
    if (errors.manager.msg_code == JERR_SOF_UNSUPPORTED)
      throw Error(fmt::format(
          "{}: a lossless or hierarchical JPEG: convert it to a usual one with the program that "
          "wrote it",
          file.name));
    if (ran_out) throw_cut_short(file);
    throw_broken(file, errors.message.data());
  }

  static Decoder& of(j_decompress_ptr jpeg) { return *static_cast<Decoder*>(jpeg->client_data); }

  // The end marker may be missing: libjpeg gets one. Reading further means that data is missing.
  static boolean on_end_of_file(j_decompress_ptr jpeg) {
    Decoder& decoder = of(jpeg);
    if (decoder.ran_out) ERREXIT(jpeg, JERR_INPUT_EOF);
    decoder.ran_out = true;
    decoder.source.next_input_byte = end_of_image.data();
    decoder.source.bytes_in_buffer = end_of_image.size();
    return TRUE;
  }

  static void skip(j_decompress_ptr jpeg, long count) {
    Decoder& decoder = of(jpeg);
    if (count <= 0) return;
    if (static_cast<std::size_t>(count) > decoder.source.bytes_in_buffer) {
      decoder.ran_out = true;
      ERREXIT(jpeg, JERR_INPUT_EOF);
    }
    decoder.source.next_input_byte += count;
    decoder.source.bytes_in_buffer -= static_cast<std::size_t>(count);
  }

  // libjpeg fills in grey where coefficients are damaged or missing and only warns. Other warnings,
  // such as of bytes between two segments, leave the pixels intact.
  static void on_message(j_common_ptr jpeg, int level) {
    const int code = jpeg->err->msg_code;
    const bool damaged = code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE ||
                         code == JWRN_ARITH_BAD_CODE || code == JWRN_MUST_RESYNC;
    if (level < 0 && damaged) JpegErrors::jump_out(jpeg);
  }

  static void on_progress(j_common_ptr jpeg) {
    if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > max_scans)
      ERREXIT(jpeg, JERR_BAD_PROGRESSION);
  }

  JpegErrors errors;
  jpeg_decompress_struct jpeg{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  bool ran_out = false;
  std::vector<std::uint8_t> cmyk;  // one row
};

bool read_header(Decoder& decoder) {
  if (setjmp(decoder.errors.jump) != 0) return false;
  jpeg_create_decompress(&decoder.jpeg);
  decoder.jpeg.src = &decoder.source;
  decoder.jpeg.progress = &decoder.progress;
  jpeg_read_header(&decoder.jpeg, TRUE);
  return true;
}

// With several scans, all of them are read here.
bool start(Decoder& decoder) {
  if (setjmp(decoder.errors.jump) != 0) return false;
  jpeg_start_decompress(&decoder.jpeg);
  return true;
}

bool read_rows(Decoder& decoder, Image& image) {
  if (setjmp(decoder.errors.jump) != 0) return false;
  const std::size_t stride = static_cast<std::size_t>(image.width) * image.channels;
  std::array<JSAMPROW, 16> rows{};
  while (decoder.jpeg.output_scanline < decoder.jpeg.output_height) {
    const JDIMENSION first = decoder.jpeg.output_scanline;
    const JDIMENSION count = std::min<JDIMENSION>(rows.size(), decoder.jpeg.output_height - first);
    for (JDIMENSION i = 0; i < count; ++i) rows[i] = image.pixels.data() + (first + i) * stride;
    jpeg_read_scanlines(&decoder.jpeg, rows.data(), count);
  }
  return true;
}

// As Pillow: C, M, Y and K are stored inverted, with or without Adobe's marker.
void rgb_from_cmyk(const std::uint8_t* cmyk, int width, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4) {
    const int light = cmyk[3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - cmyk[c]) * light + 128;  // / 255, rounded
      *rgb++ = static_cast<std::uint8_t>(light - ((product + (product >> 8)) >> 8));
    }
  }
}

bool read_cmyk_rows(Decoder& decoder, Image& image) {
  if (setjmp(decoder.errors.jump) != 0) return false;
  JSAMPROW row = decoder.cmyk.data();
  while (decoder.jpeg.output_scanline < decoder.jpeg.output_height) {
    const std::size_t y = decoder.jpeg.output_scanline;
    jpeg_read_scanlines(&decoder.jpeg, &row, 1);
    rgb_from_cmyk(row, image.width, image.pixels.data() + y * image.width * 3);
  }
  return true;
}

// Whether a file without an end marker lacks whole scans, which libjpeg does not notice.
bool lacks_scans(const jpeg_decompress_struct& jpeg) {
  for (int c = 0; c < jpeg.num_components; ++c) {
    if (jpeg.comp_info[c].quant_table == nullptr) return true;  // set by its first scan
    if (jpeg.progressive_mode == 0) continue;
    // Bits that each coefficient still lacks; -1: not seen.
    const int* const bits = jpeg.coef_bits[c];
    if (std::any_of(bits, bits + DCTSIZE2, [](int left) { return left != 0; })) return true;
  }
  return false;
}

}  // namespace

Image decode_jpeg(const EncodedPicture& file) {
  Decoder decoder(file.bytes);
  if (!read_header(decoder)) decoder.fail(file);
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  const int components = jpeg.num_components;
  if (jpeg.data_precision != 8) throw_precision(file, jpeg.data_precision);
  if (components != 1 && components != 3 && components != 4)
    throw Error(fmt::format("{}: a JPEG of {} components; those of 1, 3 or 4 can be read",
                            file.name, components));
  jpeg.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  Image image = make_image(jpeg.image_width, jpeg.image_height, components == 1 ? 1 : 3, file);
  if (components == 4) decoder.cmyk.resize(4 * static_cast<std::size_t>(image.width));
  if (file.one_scan && jpeg_has_multiple_scans(&jpeg) != 0)
    throw Error(fmt::format("{}: a JPEG of several scans", file.name));
  if (!start(decoder)) decoder.fail(file);
  const bool several_scans = jpeg_has_multiple_scans(&jpeg) != 0;
  if (several_scans && decoder.ran_out && lacks_scans(jpeg)) throw_cut_short(file);
  const bool done = components == 4 ? read_cmyk_rows(decoder, image) : read_rows(decoder, image);
  if (!done) decoder.fail(file);
  return image;
}

}  // namespace quantring
