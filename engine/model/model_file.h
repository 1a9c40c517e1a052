#pragma once
// The model file: safetensors with our metadata. Says everything that is needed to classify: the
// architecture, the preprocessing, the labels, and a hash of every tensor.
//
// Metadata (all text): quantring.format "1", or "2" if the architecture or the file has something
// that readers of 1 do not know; quantring.architecture, quantring.preprocess (JSON);
// quantring.labels (JSON array, may be empty); quantring.tensors (JSON object, name -> "DTYPE
// sha256"); quantring.hash = sha256 of architecture, preprocess and tensors: the identity of the
// model that head and nodes compare. Labels are not part of it. quantring.part ("0-6"), if there,
// says that the file holds only the tensors of these blocks; everything else, the hash too, is the
// whole model's.

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/model/architecture.h"
#include "engine/image/preprocess.h"
#include "engine/model/safetensors.h"

namespace quantring {

class ModelFile {
 public:
  // Checks format, architecture, names, shapes, dtypes and the identity hash, not yet the tensors'
  // bytes. A tensor that is not of the part is refused like one that is missing.
  explicit ModelFile(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  const Architecture& architecture() const { return architecture_; }
  const PreprocessConfig& preprocess() const { return preprocess_; }
  const std::vector<std::string>& labels() const { return labels_; }  // classes() names, or empty
  const std::string& hash() const { return hash_; }
  StageRange part() const { return part_; }  // the blocks in this file; all, unless it is a part
  bool whole() const { return part_ == StageRange{0, architecture_.half_blocks()}; }
  // Every tensor of the whole model -> "DTYPE sha256".
  const std::map<std::string, std::string>& digests() const { return tensor_hashes_; }
  const std::map<std::string, StoredTensor>& tensors() const { return file_.tensors(); }

  // The tensor by its canonical name, f32 or f16, where it lies in the mapping, after its bytes
  // were compared with their hash. Throws Error naming file and tensor if they differ. f32 data is
  // aligned. Shapes of more than four dimensions do not occur.
  ConstTensor tensor(const std::string& name) const;

  // The metadata of a copy with these labels that holds `part` of this file's part: what is under
  // the identity hash stays as it is, byte for byte. Throws Error if a label is not UTF-8.
  std::map<std::string, std::string> copied_metadata(const std::vector<std::string>& labels,
                                                     StageRange part) const;

  // Lets the system drop the mapped pages of a tensor that was copied elsewhere.
  void release(const std::string& name) const;

 private:
  std::string path_;
  SafetensorsFile file_;
  Architecture architecture_;
  PreprocessConfig preprocess_;
  std::vector<std::string> labels_;
  std::map<std::string, std::string> tensor_hashes_;  // "F32 <sha256>"
  std::string hash_;
  StageRange part_;
};

// A part as quantring.part and ring.toml write it: "0-6", "2.5-6".
std::string part_text(StageRange part);

// A tensor's entry in quantring.tensors.
std::string tensor_digest(const std::string& dtype, std::span<const std::byte> data);

// The metadata of a model file whose whole model's tensors have these digests, and which holds
// those of `part`. Throws Error if a label is not UTF-8.
std::map<std::string, std::string> model_metadata(const Architecture& architecture,
                                                  const PreprocessConfig& preprocess,
                                                  const std::vector<std::string>& labels,
                                                  const std::map<std::string, std::string>& digests,
                                                  StageRange part);

}  // namespace quantring
