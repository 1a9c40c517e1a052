#include "engine/camera/v4l2/yuyv.h"

#include <algorithm>
#include <cstdint>

#include "ops/base/error.h"

namespace quantring {
namespace {

// BT.601's matrix for limited range in 16-bit fixed point: 255/219; 255/224 times 1.402, 0.344136,
// 0.714136 and 1.772.
constexpr int luma = 76309, red_v = 104597, green_u = 25675, green_v = 53279, blue_u = 132201;
constexpr int half = 1 << 15;

std::uint8_t clamped(int fixed) {
  return static_cast<std::uint8_t>(std::clamp((fixed + half) >> 16, 0, 255));
}

void rgb_row(const std::uint8_t* in, int width, std::uint8_t* out) {
  for (int x = 0; x < width; x += 2, in += 4) {
    const int u = in[1] - 128, v = in[3] - 128;
    for (const int y : {in[0], in[2]}) {
      const int grey = luma * (y - 16);
      *out++ = clamped(grey + red_v * v);
      *out++ = clamped(grey - green_u * u - green_v * v);
      *out++ = clamped(grey + blue_u * u);
    }
  }
}

void grey_row(const std::uint8_t* in, int width, std::uint8_t* out) {
  for (int x = 0; x < width; ++x) out[x] = clamped(luma * (in[2 * x] - 16));
}

}  // namespace

Image image_from_yuyv(std::span<const std::byte> bytes, int width, int height, std::size_t stride,
                      int channels) {
  const bool valid = width > 0 && height > 0 && width % 2 == 0 && width <= image_max_side &&
                     height <= image_max_side && (channels == 1 || channels == 3);
  const std::size_t row = 2 * static_cast<std::size_t>(std::max(width, 0));
  if (!valid || stride < row || bytes.size() < row ||
      (bytes.size() - row) / stride < static_cast<std::size_t>(height) - 1)
    throw Error("YUYV data is too short for the size of the picture");
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(width) * height * channels);
  const auto* const in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (int y = 0; y < height; ++y) {
    std::uint8_t* const out = image.pixels.data() + static_cast<std::size_t>(y) * width * channels;
    if (channels == 3) {
      rgb_row(in + y * stride, width, out);
    } else {
      grey_row(in + y * stride, width, out);
    }
  }
  return image;
}

}  // namespace quantring
