// The reader of model files: arbitrary bytes as a file, as the JSON texts in its metadata, and as
// edits to a valid file (a whole model, or a part). The identity hash is corrected after the edits,
// so that the code behind the check is reached.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "engine/image/preprocess_json.h"
#include "engine/model/architecture.h"
#include "engine/model/hash.h"
#include "engine/model/model_file.h"
#include "engine/model/model_writer.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "tests/support/files.h"
#include "tests/support/memory_file.h"
#include "weights_tools/model/copy_model.h"

using namespace quantring;

namespace {

void read_model(const void* data, std::size_t size) {
  const std::string path = test::memory_file(data, size);
  const SafetensorsFile file(path);
  std::size_t sum = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    for (const std::byte byte : file.read(tensor)) sum += std::to_integer<std::size_t>(byte);
  }
  if (sum == SIZE_MAX) std::abort();  // uses the sum, so that the bytes are read
  const ModelFile model(path);
  if (model.tensors().size() != tensor_specs(model.architecture(), model.part()).size()) {
    std::abort();
  }
  for (const auto& [name, tensor] : model.tensors()) model.tensor(name);
}

void read_texts(const std::string& text) {
  const Architecture architecture = architecture_from_json(text);
  // It is valid, and equal after writing and reading.
  if (tensor_specs(architecture).empty() ||
      !(architecture_from_json(architecture_to_json(architecture)) == architecture)) {
    std::abort();
  }
  parse_range(text);
}

// A model file of two blocks, and a part of it.
struct ValidFiles {
  std::string whole, part;
  ValidFiles() {
    const auto path = std::filesystem::temp_directory_path() /
                      ("quantring-fuzz-" + std::to_string(::getpid()) + ".safetensors");
    Architecture a;
    a.image_height = a.image_width = a.patch_height = a.patch_width = 2;
    a.channels = 1;
    a.dim = a.mlp_dim = a.heads = a.depth = a.classes = 2;
    PreprocessConfig preprocess;
    preprocess.mode = ResizeMode::none;
    preprocess.channels = 1;
    preprocess.crop_height = preprocess.crop_width = 2;
    preprocess.mean = preprocess.std = {0.5f};
    ModelWriter writer(path, a, preprocess, {"no", "yes"}, StorageType::f16);
    for (const TensorSpec& spec : writer.tensors()) {
      writer.write(std::vector<float>(spec.elements(), 0.25f), spec.name);
    }
    writer.commit();
    whole = test::read_file(path);
    weights::copy_model(ModelFile(path), {1, 3}, {}, path);
    part = test::read_file(path);
    std::filesystem::remove(path);
  }
};

// The file with the identity hash of its metadata, if the header can be parsed.
std::string with_right_hash(std::string file) {
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    length |= std::uint64_t{static_cast<unsigned char>(file[i])} << (8 * i);
  }
  if (length > file.size() - 8) return file;
  const auto header = try_parse_json(file.substr(8, length));
  if (!header.is_object() || !header.contains("__metadata__")) return file;
  const auto& metadata = header["__metadata__"];
  std::string all, old;
  for (const char* key : {"architecture", "preprocess", "tensors", "hash"}) {
    const auto name = std::string("quantring.") + key;
    if (!metadata.is_object() || !metadata.contains(name) || !metadata[name].is_string()) {
      return file;
    }
    old = metadata[name].get<std::string>();
    if (key != std::string("hash")) all += old + "\n";
  }
  const auto place = file.find(old);
  if (old.size() == 64 && place != std::string::npos) file.replace(place, 64, sha256_hex(all));
  return file;
}

// data: the file, then edits: position (two bytes), kind, and a byte.
void read_edited(const std::uint8_t* data, std::size_t size) {
  static const ValidFiles valid;
  if (size == 0) return;
  std::string file = data[0] % 2 == 0 ? valid.whole : valid.part;
  for (std::size_t i = 1; i + 4 <= size; i += 4) {
    const std::size_t place = (data[i] | data[i + 1] << 8) % file.size();
    const char byte = static_cast<char>(data[i + 3]);
    switch (data[i + 2] % 4) {
      case 0:
        file[place] = byte;
        break;
      case 1:
        file.insert(place, 1, byte);
        break;
      case 2:
        file.erase(place, 1 + data[i + 3] % 8u);
        break;
      default:
        file[place] = static_cast<char>(file[place] + byte);
        break;
    }
    if (file.size() < 16) return;
  }
  // Adjusts the length of the header to insertions and removals.
  if (data[0] & 2) {
    const std::size_t end = file.find("  ");
    if (end != std::string::npos && end > 8 && end < 60000) {
      file[0] = static_cast<char>((end - 8) & 0xff);
      file[1] = static_cast<char>((end - 8) >> 8);
    }
  }
  file = with_right_hash(std::move(file));
  read_model(file.data(), file.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 4) {
      case 0:
        read_model(data + 1, size - 1);
        break;
      case 1:
        read_texts(text);
        break;
      case 2:
        preprocess_from_json(text);
        break;
      default:
        read_edited(data + 1, size - 1);
        break;
    }
  } catch (const Error&) {
  }
  return 0;
}
