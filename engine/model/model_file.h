#pragma once
// The model file: safetensors with QuantRing's metadata. It holds everything that classification
// needs: architecture, preprocessing, labels, and a hash of every tensor.
//
// Metadata (all text): quantring.format "1", or "2" or "3" if the architecture or the file has a
// feature that readers of 1 or 2 do not know; quantring.architecture, quantring.preprocess (JSON);
// quantring.labels (JSON array, may be empty); quantring.tensors (JSON object, name -> "DTYPE
// sha256"); quantring.hash = sha256 of architecture, preprocess and tensors: the identity of the
// model, which head and nodes compare. Labels are not part of it. quantring.classes, if present, is
// "independent": several classes may apply to a picture, or none. quantring.part ("0-6"), if
// present: the file holds only the tensors of these blocks; all other metadata, the hash included,
// describe the whole model.

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/image/preprocess.h"
#include "engine/model/architecture.h"
#include "engine/model/safetensors.h"

namespace quantring {

// A tensor of a model file, in memory of its own.
struct ModelTensor : ConstTensor {
  ModelTensor() = default;
  ModelTensor(ModelTensor&&) = default;  // a copy's data would be those of the original
  ModelTensor& operator=(ModelTensor&&) = default;

  std::vector<std::byte> memory;
};

// The file may be replaced or overwritten at any time: what was loaded stays as it was, and what no
// longer belongs to the metadata is an Error.
class ModelFile {
 public:
  // Checks format, architecture, names, shapes, dtypes and the identity hash, but not the tensors'
  // bytes. Missing tensors and tensors outside the part are errors.
  explicit ModelFile(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  const Architecture& architecture() const { return architecture_; }
  const PreprocessConfig& preprocess() const { return preprocess_; }
  const std::vector<std::string>& labels() const { return labels_; }  // classes() names, or empty
  // Several classes may apply to a picture, or none: each has a probability of its own (sigmoid).
  // Always so with a single class, whose softmax would be 1 for every picture.
  bool independent_classes() const { return independent_ || architecture_.classes == 1; }
  const std::string& hash() const { return hash_; }
  StageRange part() const { return part_; }  // the blocks in this file
  bool whole() const { return part_ == StageRange{0, architecture_.half_blocks()}; }
  // Every tensor of the whole model -> "DTYPE sha256".
  const std::map<std::string, std::string>& digests() const { return tensor_hashes_; }
  const std::map<std::string, StoredTensor>& tensors() const { return file_.tensors(); }

  // The tensor with this canonical name, f32 or f16; shapes have at most four dimensions. Compares
  // its bytes with their hash and throws Error naming file and tensor if they differ.
  ModelTensor tensor(const std::string& name) const;
  std::vector<std::byte> bytes(const std::string& name) const;  // of it; likewise

  // Whether the file was overwritten since it was opened, or another one has its name.
  bool changed() const { return file_.file().changed(); }

  // The metadata of a copy with these labels that holds `part` (within part()). Everything that the
  // identity hash covers is copied byte for byte. Throws Error if a label is not UTF-8.
  std::map<std::string, std::string> copied_metadata(const std::vector<std::string>& labels,
                                                     StageRange part) const;

 private:
  std::string path_;
  SafetensorsFile file_;
  Architecture architecture_;
  PreprocessConfig preprocess_;
  std::vector<std::string> labels_;
  std::map<std::string, std::string> tensor_hashes_;  // "F32 <sha256>"
  std::string hash_;
  StageRange part_;
  bool independent_ = false;
};

// A part as in quantring.part and ring.toml: "0-6", "2.5-6".
std::string part_text(StageRange part);

// A tensor's entry in quantring.tensors.
std::string tensor_digest(const std::string& dtype, std::span<const std::byte> data);

// The metadata of a model file that holds the tensors of `part`. digests: of all tensors of the
// whole model. Throws Error if a label is not UTF-8.
std::map<std::string, std::string> model_metadata(const Architecture& architecture,
                                                  const PreprocessConfig& preprocess,
                                                  const std::vector<std::string>& labels,
                                                  const std::map<std::string, std::string>& digests,
                                                  StageRange part, bool independent = false);

}  // namespace quantring
