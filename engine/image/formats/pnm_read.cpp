// PNM of the kinds P5 (grey) and P6 (RGB).
#include <algorithm>

#include "engine/image/formats/decoders.h"

namespace quantring {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// The next number of the header, behind blanks and comments; -1 if there is none. Larger ones than
// any that is allowed end as one of these.
std::int64_t take_number(std::string_view& rest) {
  for (bool comment = false; !rest.empty(); rest.remove_prefix(1)) {
    const char c = rest.front();
    if (!comment && !is_space(c) && c != '#') break;
    comment = comment ? c != '\n' : c == '#';
  }
  std::int64_t number = -1;
  for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1))
    number = std::min<std::int64_t>(std::max<std::int64_t>(number, 0) * 10 + rest.front() - '0',
                                    image_max_pixels);
  return number;
}

}  // namespace

Image decode_pnm(const EncodedPicture& file) {
  std::string_view rest(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
  const int channels = rest[1] == '6' ? 3 : 1;
  rest.remove_prefix(2);
  const std::int64_t width = take_number(rest), height = take_number(rest);
  const std::int64_t largest = take_number(rest);
  if (largest < 1 || largest > 65535 || (!rest.empty() && !is_space(rest.front())))
    throw_broken(file, "its header is no PNM's");
  if (rest.empty()) throw_cut_short(file);
  rest.remove_prefix(1);
  Image image = make_image(width, height, channels, file);
  const std::size_t sample = largest > 255 ? 2 : 1;
  if (rest.size() / sample < image.pixels.size()) throw_cut_short(file);
  const auto* in = reinterpret_cast<const std::uint8_t*>(rest.data());
  if (largest == 255) {
    std::copy_n(in, image.pixels.size(), image.pixels.data());
    return image;
  }
  for (std::uint8_t& pixel : image.pixels) {
    const std::int64_t value = sample == 2 ? in[0] << 8 | in[1] : in[0];
    in += sample;
    pixel = static_cast<std::uint8_t>((std::min(value, largest) * 510 + largest) / (2 * largest));
  }
  return image;
}

}  // namespace quantring
