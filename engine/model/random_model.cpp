#include "engine/model/random_model.h"

#include <fmt/format.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "ops/base/error.h"

namespace quantring {
namespace {

// Around 1 for gammas, 0.5 for LayerScale, 0 elsewhere; the range of a matrix depends on its
// fan-in.
std::vector<float> random_values(const TensorSpec& spec, std::mt19937& random) {
  const std::size_t count = spec.elements();
  const bool table = spec.name == "embed.prefix" || spec.name == "embed.position";
  const bool matrix = spec.shape.size() > 1 && !table;
  const bool gamma =
      spec.name.find("norm") != std::string::npos && spec.name.find("weight") != std::string::npos;
  const bool layer_scale = spec.name.find(".scale") != std::string::npos;
  const float fan_in =
      matrix ? static_cast<float>(count) / static_cast<float>(spec.shape[0]) : 1.0f;
  const float range = matrix ? std::sqrt(3.0f / fan_in) : 0.1f;
  const float middle = gamma ? 1.0f : layer_scale ? 0.5f : 0.0f;
  std::vector<float> values(count);
  for (float& value : values) {
    const float unit = static_cast<float>(random() >> 8) / 8388608.0f - 1.0f;  // [-1, 1)
    value = unit * range + middle;
  }
  return values;
}

}  // namespace

void write_random_model(const std::filesystem::path& path, const Architecture& architecture,
                        StorageType storage, std::uint32_t seed) {
  check_architecture(architecture);
  PreprocessConfig preprocess;
  preprocess.mode = ResizeMode::none;
  preprocess.channels = architecture.channels;
  preprocess.crop_height = architecture.image_height;
  preprocess.crop_width = architecture.image_width;
  preprocess.mean.assign(static_cast<std::size_t>(architecture.channels), 0.5f);
  preprocess.std = preprocess.mean;

  ModelWriter writer(path, architecture, preprocess, {}, storage);
  std::mt19937 random(seed);
  for (const TensorSpec& spec : writer.tensors()) {
    writer.write(random_values(spec, random), spec.name);
  }
  writer.commit();
}

Architecture named_architecture(const std::string& name) {
  Architecture a;
  a.image_height = a.image_width = 224;
  a.patch_height = a.patch_width = 16;
  a.channels = 3;
  a.depth = 12;
  a.classes = 1000;
  if (name == "deit_tiny") {
    a.dim = 192;
    a.heads = 3;
  } else if (name == "vit_base") {
    a.dim = 768;
    a.heads = 12;
  } else if (name == "vit_large") {
    a.dim = 1024;
    a.depth = 24;
    a.heads = 16;
  } else {
    throw Error(
        fmt::format("unknown model shape '{}': use deit_tiny, vit_base or vit_large", name));
  }
  a.mlp_dim = 4 * a.dim;
  return a;
}

}  // namespace quantring
