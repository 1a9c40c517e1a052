#pragma once
// Procedural pictures: the same formulas as fixtures/make_resize_fixtures.py.

#include <cstdint>
#include <string>

#include "engine/image/image.h"

namespace quantring {

// pattern: gradient, noise or strokes.
inline Image draw(const std::string& pattern, int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  std::uint32_t state = 12345;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        state = state * 1664525 + 1013904223;
        unsigned value = state >> 24;
        if (pattern == "gradient") value = (x * 3 + y * 5 + c * 40) & 255;
        if (pattern == "strokes") value = ((x / (c + 1 + y % 7) + y / 3) & 1) != 0 ? 255 : 0;
        image.pixels.push_back(static_cast<std::uint8_t>(value));
      }
    }
  }
  return image;
}

}  // namespace quantring
