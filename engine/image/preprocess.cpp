#include "engine/image/preprocess.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "ops/base/error.h"

namespace quantring {
namespace {

int half(int n, CropRounding rounding) {
  const int low = n / 2;
  // Python's round(n / 2.0): halves go to the even neighbour.
  const bool up = rounding == CropRounding::half_to_even && n % 2 == 1 && low % 2 == 1;
  return up ? low + 1 : low;
}

// Where the crop lies along one side. A side that is too short is first padded to the crop's size,
// the odd pixel of padding going behind.
struct Window {
  int first;   // in the picture
  int before;  // zeros in front of it
  int count;   // pixels taken
};

Window centre(int side, int crop, CropRounding rounding) {
  if (side < crop) return {.first = 0, .before = (crop - side) / 2, .count = side};
  return {.first = half(side - crop, rounding), .before = 0, .count = crop};
}

Image resize_shorter(const Image& image, int shorter, Interpolation interpolation) {
  const auto longer = [shorter](int long_side, int short_side) {
    const std::int64_t side = std::int64_t{shorter} * long_side / short_side;
    if (side > image_max_side)
      throw Error(
          fmt::format("a picture of ratio {}:{} is too long to be resized to a shorter side of {}",
                      long_side, short_side, shorter));
    return static_cast<int>(side);
  };
  return image.width <= image.height
             ? resize(image, shorter, longer(image.height, image.width), interpolation)
             : resize(image, longer(image.width, image.height), shorter, interpolation);
}

// [height, width, channels] -> [channels, crop_height, crop_width]
void crop_to_planes(const Image& image, const PreprocessConfig& config,
                    std::span<std::uint8_t> out) {
  const Window rows = centre(image.height, config.crop_height, config.crop_rounding);
  const Window columns = centre(image.width, config.crop_width, config.crop_rounding);
  if (rows.count < config.crop_height || columns.count < config.crop_width)
    std::fill(out.begin(), out.end(), std::uint8_t{0});
  const std::size_t channels = image.channels, width = config.crop_width;
  for (std::size_t c = 0; c < channels; ++c) {
    for (int y = 0; y < rows.count; ++y) {
      const std::size_t pixel =
          (static_cast<std::size_t>(rows.first) + y) * image.width + columns.first;
      const std::uint8_t* in = image.pixels.data() + pixel * channels + c;
      std::uint8_t* to =
          out.data() + (c * config.crop_height + rows.before + y) * width + columns.before;
      for (int x = 0; x < columns.count; ++x) to[x] = in[x * channels];
    }
  }
}

void check_side(std::string_view field, int side) {
  if (side < 1 || side > image_max_side)
    throw Error(fmt::format("preprocessing: {} is {}, not 1 to {}", field, side, image_max_side));
}

void check_area(std::string_view what, int width, int height) {
  if (std::int64_t{height} * width > image_max_pixels)
    throw Error(fmt::format("preprocessing: a {} of {} x {} has more than {} pixels", what, width,
                            height, image_max_pixels));
}

void check_per_channel(std::string_view field, const std::vector<float>& values, int channels) {
  if (values.size() != static_cast<std::size_t>(channels))
    throw Error(fmt::format("preprocessing: {} has {} values for {} channels", field, values.size(),
                            channels));
  for (const float value : values)
    if (!std::isfinite(value) || (field == "std" && value <= 0.0F))
      throw Error(fmt::format("preprocessing: {} holds {}", field, value));
}

}  // namespace

std::size_t PreprocessConfig::pixel_count() const {
  return static_cast<std::size_t>(channels) * crop_height * crop_width;
}

void check_preprocess(const PreprocessConfig& config) {
  if (config.channels != 1 && config.channels != 3)
    throw Error(fmt::format("preprocessing: channels is {}, not 1 or 3", config.channels));
  if (config.mode == ResizeMode::shorter) check_side("resize_shorter", config.resize_shorter);
  if (config.mode == ResizeMode::squash_crop) {
    check_side("squash_height", config.squash_height);
    check_side("squash_width", config.squash_width);
    check_area("squash", config.squash_width, config.squash_height);
  }
  check_side("crop_height", config.crop_height);
  check_side("crop_width", config.crop_width);
  check_area("crop", config.crop_width, config.crop_height);
  check_per_channel("mean", config.mean, config.channels);
  check_per_channel("std", config.std, config.channels);
}

void to_pixels(const Image& image, const PreprocessConfig& config, std::span<std::uint8_t> out) {
  if (image.channels != config.channels)
    throw Error(fmt::format("the picture has {} channels, the model takes {}", image.channels,
                            config.channels));
  if (out.size() != config.pixel_count())
    throw Error(fmt::format("the output has room for {} pixel values, the model takes {}",
                            out.size(), config.pixel_count()));
  switch (config.mode) {
    case ResizeMode::none:
      if (image.width != config.crop_width || image.height != config.crop_height)
        throw Error(fmt::format(
            "the picture is {} x {}, the model takes {} x {} and its file asks for no resizing",
            image.width, image.height, config.crop_width, config.crop_height));
      return crop_to_planes(image, config, out);
    case ResizeMode::shorter:
      return crop_to_planes(resize_shorter(image, config.resize_shorter, config.interpolation),
                            config, out);
    case ResizeMode::squash:
      return crop_to_planes(
          resize(image, config.crop_width, config.crop_height, config.interpolation), config, out);
    case ResizeMode::squash_crop:
      return crop_to_planes(
          resize(image, config.squash_width, config.squash_height, config.interpolation), config,
          out);
  }
}

}  // namespace quantring
