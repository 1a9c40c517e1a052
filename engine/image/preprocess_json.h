#pragma once
// The preprocessing as JSON, as stored in the model file (metadata quantring.preprocess).

#include <string>

#include "engine/image/preprocess.h"

namespace quantring {

std::string preprocess_to_json(const PreprocessConfig& config);
PreprocessConfig preprocess_from_json(const std::string& text);  // checked; throws Error

// The names that the model file and the tools' flags use: none, shorter, squash, squash_crop;
// bicubic, bilinear.
std::string resize_mode_name(ResizeMode mode);
ResizeMode resize_mode_from(const std::string& name);
std::string interpolation_name(Interpolation interpolation);
Interpolation interpolation_from(const std::string& name);

}  // namespace quantring
