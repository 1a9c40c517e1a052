#include "engine/random_model.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <random>

#include "engine/model_file.h"
#include "ops/error.h"
#include "ops/half.h"

namespace quantring {
namespace {

// 1 around gamma, small elsewhere; a matrix by its fan-in.
std::vector<std::byte> random_bytes(const TensorSpec& spec, bool half, std::mt19937& random) {
  std::size_t count = 1;
  for (const auto dim : spec.shape) count *= static_cast<std::size_t>(dim);
  const bool table = spec.name == "embed.prefix" || spec.name == "embed.position";
  const bool matrix = spec.shape.size() > 1 && !table;
  const bool gamma =
      spec.name.find("norm") != std::string::npos && spec.name.find("weight") != std::string::npos;
  const float fan_in =
      matrix ? static_cast<float>(count) / static_cast<float>(spec.shape[0]) : 1.0f;
  const float range = matrix ? std::sqrt(3.0f / fan_in) : 0.1f;
  std::vector<float> values(count);
  for (float& value : values) {
    const float unit = static_cast<float>(random() >> 8) / 8388608.0f - 1.0f;  // [-1, 1)
    value = unit * range + (gamma ? 1.0f : 0.0f);
  }
  std::vector<std::byte> bytes(count * (half ? 2 : 4));
  if (half) {
    std::vector<std::uint16_t> halves(count);
    floats_to_halves(values.data(), halves.data(), count);
    std::memcpy(bytes.data(), halves.data(), bytes.size());
  } else {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  }
  return bytes;
}

}  // namespace

void write_random_model(const std::filesystem::path& path, const Architecture& architecture,
                        const char* storage, std::uint32_t seed) {
  check_architecture(architecture);
  const bool half = std::string(storage) == "F16";
  PreprocessConfig preprocess;
  preprocess.mode = ResizeMode::none;
  preprocess.channels = architecture.channels;
  preprocess.crop_height = architecture.image_height;
  preprocess.crop_width = architecture.image_width;
  preprocess.mean.assign(static_cast<std::size_t>(architecture.channels), 0.5f);
  preprocess.std = preprocess.mean;

  const auto specs = tensor_specs(architecture);
  SafetensorsWriter writer(path);
  std::map<std::string, std::string> digests;
  // Twice the same numbers: the header, which comes first, needs every tensor's hash.
  std::mt19937 random(seed);
  for (const TensorSpec& spec : specs) {
    writer.declare(spec.name, storage, spec.shape);
    digests[spec.name] = tensor_digest(storage, random_bytes(spec, half, random));
  }
  writer.begin(model_metadata(architecture, preprocess, {}, digests));
  random.seed(seed);
  for (const TensorSpec& spec : specs) writer.write(random_bytes(spec, half, random));
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
  } else {
    throw Error(fmt::format("no shape is named '{}': use deit_tiny or vit_base", name));
  }
  a.mlp_dim = 4 * a.dim;
  return a;
}

}  // namespace quantring
