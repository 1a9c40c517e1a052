#include "engine/model/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "engine/image/preprocess_json.h"
#include "engine/model/file_kind.h"
#include "engine/model/hash.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

using nlohmann::json;
using Metadata = std::map<std::string, std::string>;

const std::string& required(const Metadata& metadata, const char* key, const std::string& path) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) {
    throw Error(
        fmt::format("'{}' is not a QuantRing model file (no {}); make one with "
                    "`quantring-weights convert '{}' -o model.safetensors`",
                    path, key, path));
  }
  return found->second;
}

std::string identity(const std::string& architecture, const std::string& preprocess,
                     const std::string& tensors) {
  return sha256_hex(architecture + "\n" + preprocess + "\n" + tensors + "\n");
}

// A JSON object or array of strings. what: name in the error.
template <class Container>
Container parse_strings(const std::string& text, const std::string& what) {
  try {
    return try_parse_json(text).get<Container>();
  } catch (const json::exception&) {
    throw Error(what + " cannot be read: the file is damaged");
  }
}

std::string labels_to_json(const std::vector<std::string>& labels) {
  try {
    return json(labels).dump();
  } catch (const json::exception&) {
    throw Error("a class name is not UTF-8 text: save the labels as UTF-8");
  }
}

void check_tensor(const std::string& path, const TensorSpec& spec, const StoredTensor& tensor) {
  if (tensor.shape != spec.shape) {
    throw Error(fmt::format("'{}': tensor '{}' has shape {}, the architecture needs {}", path,
                            spec.name, shape_text(tensor.shape), shape_text(spec.shape)));
  }
  if (tensor.dtype != "F32" && tensor.dtype != "F16") {
    throw Error(fmt::format("'{}': tensor '{}' is stored as {}; only F32 and F16 are read", path,
                            spec.name, tensor.dtype));
  }
}

// Exactly the tensors of the part, and a hash of each tensor of the whole model.
void check_tensors(const std::string& path, const Architecture& architecture, StageRange part,
                   const std::map<std::string, StoredTensor>& stored, const Metadata& digests) {
  const auto missing = [&](const std::string& name) {
    return Error(fmt::format("'{}': tensor '{}' is missing; convert the model again", path, name));
  };
  const auto whole = tensor_specs(architecture);
  for (const TensorSpec& spec : whole) {
    if (!digests.count(spec.name)) throw missing(spec.name);
  }
  std::set<std::string> expected;
  for (const TensorSpec& spec : tensor_specs(architecture, part)) {
    const auto found = stored.find(spec.name);
    if (found == stored.end()) throw missing(spec.name);
    check_tensor(path, spec, found->second);
    expected.insert(spec.name);
  }
  for (const auto& [name, tensor] : stored) {
    if (expected.count(name)) continue;
    throw Error(
        fmt::format("'{}': tensor '{}' does not belong to {} of this model; convert or "
                    "shard it again",
                    path, name, range_text(part)));
  }
}

// The value of quantring.part; without it, the whole model.
StageRange read_part(const Metadata& metadata, const Architecture& architecture,
                     const std::string& path) {
  const StageRange whole{0, architecture.half_blocks()};
  const auto found = metadata.find("quantring.part");
  if (found == metadata.end()) return whole;
  const auto part = parse_range(found->second);
  if (!part || part->begin < 0 || part->begin >= part->end || part->end > whole.end) {
    throw Error(
        fmt::format("'{}' claims to hold blocks '{}' of a model of {} blocks: the file "
                    "is damaged",
                    path, found->second, architecture.depth));
  }
  return *part;
}

// Says what a file or folder is that is no safetensors file.
const std::filesystem::path& expect_safetensors(const std::filesystem::path& path) {
  const std::string name = path.string();
  std::error_code ignored;
  const std::string convert = fmt::format(
      "make a model file with `quantring-weights convert '{}' -o model.safetensors`", name);
  if (std::filesystem::is_directory(path, ignored))
    throw Error(fmt::format("'{}' is a folder, not a model file; if it holds a checkpoint, {}",
                            name, convert));
  const FileReader file(path);
  const auto begin = file.read(0, std::min<std::uint64_t>(file.size(), 1024));
  const bool safetensors = begin.size() > 8 && begin[8] == std::byte{'{'} &&
                           begin[5] == std::byte{0} && begin[6] == std::byte{0};
  if (safetensors) return path;
  const FileKind kind = file_kind(begin);
  throw Error(fmt::format(
      "'{}' is {}, not a model file; {}", name,
      kind.what.empty() ? "in an unknown format" : kind.what,
      kind.may_be_checkpoint
          ? "if it is a checkpoint, " + convert
          : "model files are made from checkpoints: `quantring-weights convert --help`"));
}

}  // namespace

ModelFile::ModelFile(const std::filesystem::path& path)
    : path_(path.string()), file_(expect_safetensors(path)) {
  const Metadata& metadata = file_.metadata();
  const std::string& format = required(metadata, "quantring.format", path_);
  if (format != "1" && format != "2" && format != "3") {
    throw Error(
        fmt::format("'{}' has model format {}, this build reads 1 to 3: use the version of "
                    "quantring that wrote it, or convert the model again",
                    path_, format));
  }
  const std::string& architecture = required(metadata, "quantring.architecture", path_);
  const std::string& preprocess = required(metadata, "quantring.preprocess", path_);
  const std::string& tensors = required(metadata, "quantring.tensors", path_);
  hash_ = required(metadata, "quantring.hash", path_);
  if (identity(architecture, preprocess, tensors) != hash_) {
    if (changed()) throw Error(file_.file().changed_text());
    throw Error(fmt::format(
        "'{}' is damaged: its metadata do not match its hash; copy or convert it again", path_));
  }
  try {
    architecture_ = architecture_from_json(architecture);
    preprocess_ = preprocess_from_json(preprocess);
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", path_, error.what()));
  }
  if (preprocess_.channels != architecture_.channels ||
      preprocess_.crop_height != architecture_.image_height ||
      preprocess_.crop_width != architecture_.image_width) {
    throw Error(fmt::format(
        "'{}': its preprocessing does not give the picture size or channels of its architecture: "
        "convert the model again",
        path_));
  }
  tensor_hashes_ = parse_strings<Metadata>(tensors, fmt::format("'{}': quantring.tensors", path_));
  labels_ = parse_strings<std::vector<std::string>>(required(metadata, "quantring.labels", path_),
                                                    fmt::format("'{}': quantring.labels", path_));
  if (!labels_.empty() && labels_.size() != static_cast<std::size_t>(architecture_.classes)) {
    throw Error(fmt::format("'{}' has {} labels for {} classes", path_, labels_.size(),
                            architecture_.classes));
  }
  if (const auto classes = metadata.find("quantring.classes"); classes != metadata.end()) {
    if (classes->second != "independent")
      throw Error(fmt::format("'{}': quantring.classes is unknown: the file is damaged", path_));
    independent_ = true;
  }
  part_ = read_part(metadata, architecture_, path_);
  check_tensors(path_, architecture_, part_, file_.tensors(), tensor_hashes_);
}

std::vector<std::byte> ModelFile::bytes(const std::string& name) const {
  const auto found = file_.tensors().find(name);
  if (found == file_.tensors().end()) {
    throw Error(fmt::format("'{}' holds only {} of its model, not tensor '{}'", path_,
                            range_text(part_), name));
  }
  std::vector<std::byte> data = file_.read(found->second);
  // Of the copy that will be used, so that a file that changes meanwhile cannot matter.
  if (tensor_digest(found->second.dtype, data) != tensor_hashes_.at(name)) {
    if (changed()) throw Error(file_.file().changed_text());
    throw Error(fmt::format(
        "'{}' is damaged: tensor '{}' does not match its hash; copy the file again", path_, name));
  }
  return data;
}

ModelTensor ModelFile::tensor(const std::string& name) const {
  ModelTensor tensor;
  tensor.memory = bytes(name);
  const StoredTensor& stored = file_.tensors().at(name);
  tensor.data = tensor.memory.data();
  tensor.dtype = stored.dtype == "F16" ? DType::f16 : DType::f32;
  const auto& s = stored.shape;
  tensor.shape = s.size() == 1   ? Shape{s[0]}
                 : s.size() == 2 ? Shape{s[0], s[1]}
                                 : Shape{s.at(0), s.at(1), s.at(2), s.at(3)};
  return tensor;
}

Metadata ModelFile::copied_metadata(const std::vector<std::string>& labels, StageRange part) const {
  Metadata metadata;
  for (const char* key : {"format", "architecture", "preprocess", "tensors", "hash"}) {
    const std::string name = fmt::format("quantring.{}", key);
    metadata[name] = file_.metadata().at(name);
  }
  metadata["quantring.labels"] = labels_to_json(labels);
  if (independent_) metadata["quantring.classes"] = "independent";
  if (part != StageRange{0, architecture_.half_blocks()}) {
    if (!independent_) metadata["quantring.format"] = "2";
    metadata["quantring.part"] = part_text(part);
  }
  return metadata;
}

std::string part_text(StageRange part) {
  const std::string text = range_text(part);
  return text.substr(text.find(' ') + 1);
}

std::string tensor_digest(const std::string& dtype, std::span<const std::byte> data) {
  return dtype + " " + sha256_hex(data);
}

Metadata model_metadata(const Architecture& architecture, const PreprocessConfig& preprocess,
                        const std::vector<std::string>& labels, const Metadata& digests,
                        StageRange part, bool independent) {
  const bool whole = part == StageRange{0, architecture.half_blocks()};
  const bool newer = !whole || preprocess.mode == ResizeMode::squash_crop ||
                     preprocess.crop_rounding != CropRounding::half_to_even;
  Metadata metadata;
  metadata["quantring.format"] =
      std::to_string(independent ? 3 : std::max(model_format(architecture), newer ? 2 : 1));
  metadata["quantring.architecture"] = architecture_to_json(architecture);
  metadata["quantring.preprocess"] = preprocess_to_json(preprocess);
  metadata["quantring.labels"] = labels_to_json(labels);
  metadata["quantring.tensors"] = json(digests).dump();
  metadata["quantring.hash"] =
      identity(metadata["quantring.architecture"], metadata["quantring.preprocess"],
               metadata["quantring.tensors"]);
  if (independent) metadata["quantring.classes"] = "independent";
  if (!whole) metadata["quantring.part"] = part_text(part);
  return metadata;
}

}  // namespace quantring
