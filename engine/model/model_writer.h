#pragma once
// Writes a model file (engine/model/model_file.h) tensor by tensor, in one pass: space for the
// header is reserved, and its hashes are filled in at the end. The file appears complete or not at
// all.

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/image/preprocess.h"
#include "engine/model/architecture.h"
#include "engine/model/safetensors.h"

namespace quantring {

enum class StorageType : std::uint8_t { f32, f16 };

// "F32" or "F16" for this tensor. With f16, matrices and tables are stored in half precision;
// vectors (biases, norms, LayerScale) stay f32: they are a thousandth of the bytes and the most
// sensitive to rounding. A matrix with an odd number of values stays f32 too, since it would
// misalign the tensors behind it.
std::string stored_dtype(const TensorSpec& spec, StorageType storage);

constexpr float too_large_for_f16 = 65520.0f;  // the smallest magnitude that rounds to infinity

// The values as bytes of this dtype. Throws Error for NaN, infinity, and values beyond the range of
// f16. name: of the tensor, in the error ("tensor 'NAME'").
std::vector<std::byte> stored_bytes(std::span<const float> values, const std::string& dtype,
                                    const std::string& name);

class ModelWriter {
 public:
  // A whole model: tensor_specs(architecture) in that order, with their dtypes. independent:
  // ModelFile::independent_classes.
  ModelWriter(const std::filesystem::path& path, const Architecture& architecture,
              const PreprocessConfig& preprocess, const std::vector<std::string>& labels,
              StorageType storage, bool independent = false);

  const std::vector<TensorSpec>& tensors() const { return specs_; }
  void write(std::span<const float> values, const std::string& name_for_errors);  // the next tensor
  std::string commit();                           // returns the model's hash
  std::uint64_t bytes() const { return bytes_; }  // of the tensors

 private:
  Architecture architecture_;
  PreprocessConfig preprocess_;
  std::vector<std::string> labels_;
  StorageType storage_;
  bool independent_;
  std::vector<TensorSpec> specs_;
  std::map<std::string, std::string> digests_;
  SafetensorsWriter writer_;
  std::size_t next_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace quantring
