#pragma once
// What codecs have learned about a model: MODEL.codec.safetensors beside MODEL.safetensors, written
// by `quantring calibrate`.
//
// safetensors. Metadata quantring.codec: a JSON object: format 1, model (its hash), pictures (how
// many it was calibrated on), shape [prefix tokens, grid rows, grid columns, dim], cuts (half-block
// indices), widths (of klt) and ladder (engine/control/ladder.h). quantring.tensors: JSON object,
// name -> "DTYPE sha256". quantring.hash: sha256 of both, the identity that head and nodes compare.
// Tensors: "bands", "dct.rows", "dct.cols" and of each cut "cut.4.mean", ".analysis", ".synthesis"
// and of each width "cut.4.klt.6.synthesis", ... (engine/codec/klt/klt_tables.h).

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/codec/klt/klt_tables.h"
#include "engine/model/safetensors.h"

namespace quantring {

// "model.safetensors" -> "model.codec.safetensors", in the same folder.
std::filesystem::path codec_file_path(const std::filesystem::path& model);

class CodecFile {
 public:
  // Checks the metadata and the identity hash; tables() checks the tensors. Throws Error naming the
  // file.
  explicit CodecFile(const std::filesystem::path& path);

  const std::string& path() const { return path_; }
  const std::string& hash() const { return hash_; }
  const std::string& model_hash() const { return model_hash_; }
  const std::string& ladder() const { return ladder_; }  // JSON
  std::size_t pictures() const { return pictures_; }
  const std::vector<int>& cuts() const { return cuts_; }  // ascending
  const std::vector<int>& widths() const { return widths_; }
  bool has(int cut) const;

  // Of a cut that is in the file. Compares the tensors with their hashes. Throws Error.
  KltTables tables(int cut) const;

 private:
  std::vector<std::byte> bytes(const std::string& name, const std::string& dtype,
                               const std::vector<std::int64_t>& shape) const;
  KltRate rate(const std::string& name, int width) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::string path_;
  SafetensorsFile file_;
  std::string hash_, model_hash_, ladder_;
  std::size_t pictures_ = 0;
  KltShape shape_;
  std::vector<int> cuts_, widths_;
  std::map<std::string, std::string> digests_;
};

// Of the model with this path and hash. Null: it has no codec file. Throws Error for one that is
// damaged or another model's.
std::unique_ptr<CodecFile> find_codec_file(const std::string& model_path,
                                           const std::string& model_hash);

struct CodecFileContent {
  std::string model_hash;
  std::string ladder;  // JSON
  std::size_t pictures = 0;
  std::map<int, KltTables> cuts;  // all of one shape and with the same widths
};

// What is stored in half precision, rounded to it, so that tables behave before they are written as
// afterwards. Throws Error if a value is too large.
void round_to_stored(KltTables& tables);
void round_to_stored(std::vector<float>& values);

// The file appears whole or not at all. Throws Error.
void write_codec_file(const std::filesystem::path& path, const CodecFileContent& content);

}  // namespace quantring
