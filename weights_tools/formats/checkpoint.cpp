#include "weights_tools/formats/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "engine/model/open_file.h"
#include "ops/base/error.h"
#include "weights_tools/formats/npz.h"
#include "weights_tools/formats/safetensors_checkpoint.h"
#include "weights_tools/formats/sharded.h"
#include "weights_tools/formats/torch/torch_file.h"
#include "weights_tools/formats/unknown_file.h"
#include "weights_tools/formats/zip.h"

namespace quantring::weights {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t begin_bytes = 512;

std::vector<std::byte> beginning(const fs::path& path) {
  std::ifstream file = open_file(path);
  std::vector<std::byte> bytes(begin_bytes);
  file.read(reinterpret_cast<char*>(bytes.data()), begin_bytes);
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  if (bytes.empty()) {
    throw Error(
        fmt::format("'{}' is empty: the download failed; fetch the file again", path.string()));
  }
  return bytes;
}

// The length of a JSON header, below 4 GiB, and its first byte.
bool looks_like_safetensors(std::span<const std::byte> bytes) {
  return bytes.size() > 8 && bytes[8] == std::byte{'{'} && bytes[4] == std::byte{0} &&
         bytes[5] == std::byte{0} && bytes[6] == std::byte{0} && bytes[7] == std::byte{0};
}

bool looks_like_json(std::span<const std::byte> bytes) {
  const auto blank = [](std::byte byte) {
    return byte == std::byte{' '} || byte == std::byte{'\n'} || byte == std::byte{'\r'} ||
           byte == std::byte{'\t'};
  };
  const auto first = std::find_if_not(bytes.begin(), bytes.end(), blank);
  return first != bytes.end() && *first == std::byte{'{'};
}

void refuse_part(const fs::path& path, const std::string& part) {
  if (part.empty()) return;
  throw OptionError(
      fmt::format("--part {}: '{}' has no dictionaries, only PyTorch files do; leave --part out",
                  part, path.string()));
}

std::unique_ptr<Checkpoint> open_zip(const fs::path& path, const std::string& part) {
  bool arrays = false, keras = false;
  const ZipFile zip(path);
  for (const auto& [name, entry] : zip.entries()) {
    if (name == "data.pkl" || name.ends_with("/data.pkl")) return open_torch_file(path, part);
    arrays = arrays || name.ends_with(".npy");
    keras = keras || name == "model.weights.h5";
  }
  if (arrays) {
    refuse_part(path, part);
    return open_npz(path);
  }
  if (keras) {
    throw Error(
        fmt::format("'{}' is a Keras model; fetch the safetensors or PyTorch file of the "
                    "same model",
                    path.string()));
  }
  throw Error(
      fmt::format("'{}' is a zip archive, but not of PyTorch or NumPy; if it contains a "
                  "checkpoint, unpack it first",
                  path.string()));
}

std::unique_ptr<Checkpoint> open_one_file(const fs::path& path, const std::string& part) {
  const std::vector<std::byte> begin = beginning(path);
  if (looks_like_zip(begin)) return open_zip(path, part);
  if (!looks_like_safetensors(begin)) refuse_unknown(path, begin);
  refuse_part(path, part);
  return open_safetensors(path);
}

// By name: a folder may contain other files.
bool named_as_checkpoint(const std::string& name) {
  static constexpr std::array endings = {".safetensors", ".pth", ".pt",         ".bin",
                                         ".ckpt",        ".npz", ".index.json", ".pth.tar"};
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return name.ends_with(ending); });
}

fs::path file_of_folder(const fs::path& folder) {
  // In the order of Hugging Face's from_pretrained; folders often have several of these.
  for (const char* const name : {"model.safetensors", "model.safetensors.index.json",
                                 "pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    std::error_code ignored;
    if (fs::is_regular_file(folder / name, ignored)) return folder / name;
  }
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (at->is_regular_file(ignored) && named_as_checkpoint(name)) names.push_back(name);
  }
  if (failed) {
    throw Error(fmt::format("cannot read the folder '{}': {}", folder.string(), failed.message()));
  }
  if (names.empty()) {
    throw Error(fmt::format("the folder '{}' holds no checkpoint (.safetensors, .pth, .bin, .npz)",
                            folder.string()));
  }
  if (names.size() == 1) return folder / names[0];
  std::sort(names.begin(), names.end());
  constexpr std::size_t max_listed = 10;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), max_listed); ++i) {
    list += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > max_listed) list += ", ...";
  throw Error(fmt::format("the folder '{}' holds {} checkpoints; name one of them: {}",
                          folder.string(), names.size(), list));
}

}  // namespace

std::uint64_t TensorInfo::elements() const {
  std::uint64_t product = 1;
  for (const std::int64_t size : shape) product *= static_cast<std::uint64_t>(size);
  return product;
}

OpenedCheckpoint open_checkpoint(const fs::path& path, const std::string& part) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? file_of_folder(path) : path;
  const std::vector<std::byte> begin = beginning(file);
  const bool index = looks_like_json(begin) && !looks_like_safetensors(begin);
  OpenedCheckpoint opened{nullptr, file, {file}};
  const auto open_shard = [&](const fs::path& shard) {
    opened.files.push_back(shard);
    return open_one_file(shard, part);
  };
  opened.checkpoint = index ? open_sharded(file, open_shard) : open_one_file(file, part);
  return opened;
}

}  // namespace quantring::weights
