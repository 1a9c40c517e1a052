#pragma once
// From a picture of any size to the input pixels of a model. The config is stored in the model
// file. Mean and std are applied by stage 0, which receives these pixels.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/image/image.h"
#include "engine/image/resize.h"

namespace quantring {

enum class ResizeMode {
  none,         // the picture must have the crop's size
  shorter,      // shorter side to resize_shorter, keeping the ratio; then centre crop (torchvision,
                // timm)
  squash,       // both sides to the crop's size whatever the ratio; no crop (Hugging Face ViT)
  squash_crop,  // both sides to squash_height, squash_width whatever the ratio; then centre crop
                // (Hugging Face DeiT; timm's crop_mode "squash" with crop_pct below 1)
};

// How half of an odd number of cropped pixels is rounded for the start of the centre crop.
enum class CropRounding {
  half_to_even,  // torchvision's CenterCrop, timm
  down,          // Hugging Face's image processors
};

struct PreprocessConfig {
  ResizeMode mode = ResizeMode::shorter;
  Interpolation interpolation = Interpolation::bicubic;
  int resize_shorter = 256;                 // used by ResizeMode::shorter only
  int squash_height = 0, squash_width = 0;  // used by ResizeMode::squash_crop only
  int channels = 3;                         // 1 or 3
  int crop_height = 224, crop_width = 224;
  CropRounding crop_rounding = CropRounding::half_to_even;  // used by shorter and squash_crop only
  std::vector<float> mean, std;                             // [channels], of values in 0..1
  bool operator==(const PreprocessConfig&) const = default;

  std::size_t pixel_count() const;  // channels * crop_height * crop_width
};

// Throws Error naming the wrong field: sizes outside 1..image_max_side, more than image_max_pixels,
// channels other than 1 or 3, mean or std not [channels], std not positive, anything not finite.
void check_preprocess(const PreprocessConfig& config);

// image: with the channels of the config. out: [channels, crop_height, crop_width], planar.
// A picture smaller than the crop is padded with zeros, as torchvision's CenterCrop does.
// Throws Error naming both sizes when mode is none and they differ.
void to_pixels(const Image& image, const PreprocessConfig& config, std::span<std::uint8_t> out);

}  // namespace quantring
