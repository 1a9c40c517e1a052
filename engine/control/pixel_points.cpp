#include "engine/control/pixel_points.h"

#include <fmt/format.h>

#include <array>

#include "ops/base/error.h"

namespace quantring {
namespace {

constexpr CodecSpec pixels{CodecId::pixels, 8}, packed{CodecId::packed_pixels, 8};

constexpr CodecSpec jpeg(int quality) {
  return {CodecId::jpeg, static_cast<std::uint8_t>(quality)};
}

// 90 and 85 were measured at 95.0 and 95.4: no difference.
constexpr std::array<PixelPoint, 10> points{{{pixels, 100, 1},
                                             {packed, 100, 0.502},
                                             {jpeg(95), 97.6, 0.205},
                                             {jpeg(94), 97, 0.187},
                                             {jpeg(90), 95, 0.143},
                                             {jpeg(85), 95, 0.114},
                                             {jpeg(80), 93, 0.096},
                                             {jpeg(75), 91, 0.084},
                                             {jpeg(60), 86.6, 0.063},
                                             {jpeg(50), 85.8, 0.055}}};

}  // namespace

std::span<const PixelPoint> pixel_points() {
  return points;
}

PixelPoint pixel_point(CodecSpec codec) {
  for (const PixelPoint& point : points) {
    if (point.codec.id == codec.id && point.codec.bits <= codec.bits)
      return {codec, point.agreement, point.share};
  }
  return {codec, 0, points.back().share};
}

CodecSpec parse_pixel_codec(std::string_view name, int quality) {
  if (name == codec_name(CodecId::jpeg)) {
    if (quality < 1 || quality > 100)
      throw Error("jpeg needs a quality of 1 to 100: add --quality 85");
    return jpeg(quality);
  }
  for (const CodecSpec spec : {pixels, packed}) {
    if (name != codec_name(spec.id)) continue;
    if (quality != 0) throw Error(fmt::format("{} has no quality: jpeg has", name));
    return spec;
  }
  throw Error(
      fmt::format("pixels are not coded as \"{}\": use pixels, pixels-lossless or jpeg", name));
}

}  // namespace quantring
