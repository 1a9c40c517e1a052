#include "weights_tools/convert.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "engine/labels.h"
#include "engine/model_file.h"
#include "ops/error.h"
#include "ops/half.h"

namespace quantring::weights {
namespace {

std::string read_config(const ConvertOptions& options) {
  std::filesystem::path path = options.config;
  if (path.empty()) {
    const auto named = std::filesystem::path(options.input).replace_extension(".config.json");
    const auto plain = options.input.parent_path() / "config.json";
    path = std::filesystem::exists(named) ? named : plain;
    if (!std::filesystem::exists(path)) return {};
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(fmt::format("cannot open '{}'", path.string()));
  return {std::istreambuf_iterator<char>(file), {}};
}

// The tensor's values as f32, through a copy: the source may lie anywhere in its file.
std::vector<float> read_floats(const StoredTensor& tensor) {
  std::vector<float> values(tensor.data.size() / stored_dtype_bytes(tensor.dtype));
  if (tensor.dtype == "F32") {
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    return values;
  }
  std::vector<std::uint16_t> halves(values.size());
  std::memcpy(halves.data(), tensor.data.data(), tensor.data.size());
  halves_to_floats(halves.data(), values.data(), values.size());
  return values;
}

std::vector<std::byte> stored_bytes(const StoredTensor& tensor, StorageType storage,
                                    const std::string& name) {
  const std::vector<float> values = read_floats(tensor);
  for (const float value : values) {
    if (!std::isfinite(value)) throw Error(fmt::format("tensor '{}' holds NaN or infinity", name));
    if (storage == StorageType::f16 && std::fabs(value) >= 65520.0f) {
      throw Error(
          fmt::format("tensor '{}' holds {}, which f16 cannot: use --dtype f32", name, value));
    }
  }
  std::vector<std::byte> bytes(values.size() * (storage == StorageType::f16 ? 2 : 4));
  if (storage == StorageType::f32) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
  } else {
    std::vector<std::uint16_t> halves(values.size());
    floats_to_halves(values.data(), halves.data(), values.size());
    std::memcpy(bytes.data(), halves.data(), bytes.size());
  }
  return bytes;
}

}  // namespace

ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(std::size_t, std::size_t)>& progress) {
  std::error_code ignored;
  if (std::filesystem::equivalent(options.input, options.output, ignored)) {
    throw Error(fmt::format("'{}' is the checkpoint itself: give the model file another name",
                            options.output.string()));
  }
  const SafetensorsFile input(options.input);
  TimmModel model;
  try {
    model = read_timm(input.tensors(), read_config(options), options.hints);
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", options.input.string(), error.what()));
  }
  std::vector<std::string> labels;
  if (!options.labels.empty()) {
    labels = read_class_names(options.labels.string());
    if (labels.size() != static_cast<std::size_t>(model.architecture.classes)) {
      throw Error(fmt::format("'{}' names {} classes, the model has {}", options.labels.string(),
                              labels.size(), model.architecture.classes));
    }
  }

  // Two passes: the header, which stands first in the file, holds a hash of every tensor.
  const auto specs = tensor_specs(model.architecture);
  const std::string dtype = options.storage == StorageType::f16 ? "F16" : "F32";
  const auto bytes_of = [&](const TensorSpec& spec) {
    const std::string& source = model.source_names.at(spec.name);
    return stored_bytes(input.tensors().at(source), options.storage, source);
  };
  ConvertReport report;
  std::map<std::string, std::string> digests;
  SafetensorsWriter writer(options.output);
  std::size_t done = 0;
  for (const TensorSpec& spec : specs) {
    const auto bytes = bytes_of(spec);
    digests[spec.name] = tensor_digest(dtype, bytes);
    report.bytes += bytes.size();
    writer.declare(spec.name, dtype, spec.shape);
    progress(++done, 2 * specs.size());
  }
  const auto metadata = model_metadata(model.architecture, model.preprocess, labels, digests);
  writer.begin(metadata);
  for (const TensorSpec& spec : specs) {
    writer.write(bytes_of(spec));
    input.release(input.tensors().at(model.source_names.at(spec.name)).data);
    progress(++done, 2 * specs.size());
  }
  writer.commit();
  report.hash = metadata.at("quantring.hash");
  report.findings = std::move(model.findings);
  return report;
}

}  // namespace quantring::weights
