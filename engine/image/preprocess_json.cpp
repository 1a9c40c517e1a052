#include "engine/image/preprocess_json.h"

#include <fmt/format.h>

#include <tuple>

#include "ops/base/error.h"
#include "ops/base/json.h"
#include "ops/base/json_fields.h"

namespace quantring {
namespace {

constexpr std::size_t max_channels = 3;

CropRounding crop_rounding_from(const std::string& name) {
  if (name == "down") return CropRounding::down;
  if (name == "half_to_even") return CropRounding::half_to_even;
  throw Error(fmt::format("unknown crop rounding '{}': use down or half_to_even", name));
}

}  // namespace

std::string resize_mode_name(ResizeMode mode) {
  switch (mode) {
    case ResizeMode::none:
      return "none";
    case ResizeMode::shorter:
      return "shorter";
    case ResizeMode::squash:
      return "squash";
    case ResizeMode::squash_crop:
      return "squash_crop";
  }
  return "";
}

ResizeMode resize_mode_from(const std::string& name) {
  for (const ResizeMode mode :
       {ResizeMode::none, ResizeMode::shorter, ResizeMode::squash, ResizeMode::squash_crop}) {
    if (resize_mode_name(mode) == name) return mode;
  }
  throw Error(
      fmt::format("unknown resize mode '{}': use none, shorter, squash or squash_crop", name));
}

std::string interpolation_name(Interpolation interpolation) {
  return interpolation == Interpolation::bicubic ? "bicubic" : "bilinear";
}

Interpolation interpolation_from(const std::string& name) {
  if (name == "bicubic") return Interpolation::bicubic;
  if (name == "bilinear") return Interpolation::bilinear;
  throw Error(fmt::format("unknown interpolation '{}': use bicubic or bilinear", name));
}

std::string preprocess_to_json(const PreprocessConfig& config) {
  // Floats as text: the shortest decimal that reads back as the same float.
  const auto texts = [](const std::vector<float>& values) {
    std::vector<std::string> out;
    for (const float value : values) out.push_back(fmt::format("{}", value));
    return out;
  };
  nlohmann::ordered_json value = {{"resize", resize_mode_name(config.mode)},
                                  {"shorter", config.resize_shorter},
                                  {"interpolation", interpolation_name(config.interpolation)},
                                  {"channels", config.channels},
                                  {"crop", {config.crop_height, config.crop_width}},
                                  {"mean", texts(config.mean)},
                                  {"std", texts(config.std)}};
  // Only where it is not the default: the text is part of a model's hash.
  if (config.mode == ResizeMode::squash_crop)
    value["squash"] = {config.squash_height, config.squash_width};
  if (config.crop_rounding == CropRounding::down) value["crop_rounding"] = "down";
  return value.dump();
}

PreprocessConfig preprocess_from_json(const std::string& text) {
  PreprocessConfig config;
  try {
    const auto value = parse_json(text, "the JSON");
    const auto floats = [&](const char* key) {
      std::vector<float> out;
      for (const auto& entry : read_array(value, key, max_channels)) {
        out.push_back(float_from_text(entry, key));
      }
      return out;
    };
    config.mode = resize_mode_from(read_string(value, "resize"));
    config.resize_shorter = read_int(value, "shorter");
    if (config.mode == ResizeMode::squash_crop)
      std::tie(config.squash_height, config.squash_width) = read_int_pair(value, "squash");
    config.interpolation = interpolation_from(read_string(value, "interpolation"));
    config.channels = read_int(value, "channels");
    std::tie(config.crop_height, config.crop_width) = read_int_pair(value, "crop");
    if (value.contains("crop_rounding"))
      config.crop_rounding = crop_rounding_from(read_string(value, "crop_rounding"));
    config.mean = floats("mean");
    config.std = floats("std");
  } catch (const Error& error) {
    throw Error(fmt::format("preprocessing: {}", error.what()));
  }
  check_preprocess(config);
  return config;
}

}  // namespace quantring
