#include "engine/model/model_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "ops/half.h"

namespace quantring {

std::string stored_dtype(const TensorSpec& spec, StorageType storage) {
  const bool half =
      storage == StorageType::f16 && spec.shape.size() > 1 && spec.elements() % 2 == 0;
  return half ? "F16" : "F32";
}

std::vector<std::byte> stored_bytes(std::span<const float> values, const std::string& dtype,
                                    const std::string& name) {
  const bool half = dtype == "F16";
  for (const float value : values) {
    if (!std::isfinite(value)) throw Error(fmt::format("{} holds NaN or infinity", name));
    if (half && std::fabs(value) >= too_large_for_f16) {
      throw Error(
          fmt::format("{} holds {}, which is too large for f16: use --dtype f32", name, value));
    }
  }
  std::vector<std::byte> bytes(values.size() * (half ? sizeof(std::uint16_t) : sizeof(float)));
  if (!half) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  std::vector<std::uint16_t> halves(values.size());
  floats_to_halves(values.data(), halves.data(), values.size());
  std::memcpy(bytes.data(), halves.data(), bytes.size());
  return bytes;
}

ModelWriter::ModelWriter(const std::filesystem::path& path, const Architecture& architecture,
                         const PreprocessConfig& preprocess, const std::vector<std::string>& labels,
                         StorageType storage, bool independent)
    : architecture_(architecture),
      preprocess_(preprocess),
      labels_(labels),
      storage_(storage),
      independent_(independent),
      specs_(tensor_specs(architecture)),
      writer_(path) {
  for (const TensorSpec& spec : specs_) {
    const std::string dtype = stored_dtype(spec, storage_);
    writer_.declare(spec.name, dtype, spec.shape);
    digests_[spec.name] = tensor_digest(dtype, {});  // a placeholder of the final length
  }
  writer_.begin(model_metadata(architecture_, preprocess_, labels_, digests_,
                               {0, architecture_.half_blocks()}, independent_));
}

void ModelWriter::write(std::span<const float> values, const std::string& name_for_errors) {
  if (next_ == specs_.size())
    throw std::logic_error("ModelWriter: more tensors than the model has");
  const TensorSpec& spec = specs_[next_++];
  const std::string dtype = stored_dtype(spec, storage_);
  const auto bytes = stored_bytes(values, dtype, name_for_errors);
  digests_[spec.name] = tensor_digest(dtype, bytes);
  bytes_ += bytes.size();
  writer_.write(bytes);
}

std::string ModelWriter::commit() {
  const auto metadata = model_metadata(architecture_, preprocess_, labels_, digests_,
                                       {0, architecture_.half_blocks()}, independent_);
  writer_.replace_metadata(metadata);
  writer_.commit();
  return metadata.at("quantring.hash");
}

}  // namespace quantring
