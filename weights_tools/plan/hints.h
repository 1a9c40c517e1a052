#pragma once
// Facts that the user gave with flags. They override those of the files.

#include <optional>
#include <string>
#include <vector>

#include "weights_tools/config/config.h"

namespace quantring::weights {

struct ConvertHints {
  std::optional<int> heads;
  std::optional<ImageSize> image_size;
  std::optional<std::string> activation;  // "gelu", "gelu_tanh", "gelu_quick"
  std::optional<float> norm_eps;
  std::optional<std::string> pooling;        // "class_token", "average"
  std::optional<std::string> resize;         // "none", "squash", or the shorter side in pixels
  std::optional<std::string> interpolation;  // "bicubic", "bilinear"
  std::vector<float> mean, std;
  bool multi_label = false;    // --multi-label
  bool separate_head = false;  // --head: its file does not tell its pooling
};

}  // namespace quantring::weights
