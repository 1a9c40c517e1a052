#include "weights_tools/formats/unknown_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine/model/file_kind.h"
#include "ops/base/error.h"

namespace quantring::weights {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view as_safetensors =
    "save its weights as safetensors from the framework that wrote it, or fetch the safetensors or "
    "PyTorch file of the same model";

bool starts_as_msgpack_map(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  if (bytes.size() < 8) return false;
  // A map of up to 15, 65535 or more entries, then a text as first key.
  const std::size_t key = byte(0) > 0x80 && byte(0) <= 0x8f ? 1
                          : byte(0) == 0xde                 ? 3
                          : byte(0) == 0xdf                 ? 5
                                                            : 0;
  return key != 0 && ((byte(key) > 0xa0 && byte(key) <= 0xbf) || byte(key) == 0xd9);
}

// Protocol buffers have no signature; the first fields are the version and the producer.
bool starts_as_onnx(std::string_view bytes) {
  return bytes.size() > 3 && bytes[0] == 0x08 && bytes[1] > 0 && bytes[1] < 32 &&
         (bytes[2] == 0x12 || bytes[2] == 0x3a);
}

// torch.save before 1.6: a pickle that begins with the number 0x1950a86a20f9469cfc6c; before 0.2, a
// tar with these members.
bool is_old_pytorch(std::string_view bytes) {
  if (bytes.starts_with("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv)) return true;
  const bool tar = bytes.size() > 262 && bytes.substr(257, 5) == "ustar";
  return tar && (bytes.starts_with("sys_info\0"sv) || bytes.starts_with("pickle\0"sv) ||
                 bytes.starts_with("storages\0"sv) || bytes.starts_with("tensors\0"sv));
}

}  // namespace

void refuse_unknown(const std::filesystem::path& path, std::span<const std::byte> begin) {
  const std::string_view bytes(reinterpret_cast<const char*>(begin.data()), begin.size());
  const std::string name = path.string();
  if (is_old_pytorch(bytes)) {
    throw Error(fmt::format(
        "'{}' has the format of PyTorch before 1.6; load and save it again with a current "
        "PyTorch: python3 -c \"import torch; torch.save(torch.load('{}', map_location='cpu', "
        "weights_only=True), 'new.pth')\"",
        name, path.filename().string()));
  }
  const auto refuse = [&](std::string_view what, std::string_view remedy) {
    throw Error(fmt::format("'{}' is {}; {}", name, what, remedy));
  };
  const FileKind kind = file_kind(begin);
  if (!kind.checkpoint.empty()) refuse(kind.what, kind.checkpoint);
  if (bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5) {
    refuse(
        "a Python pickle that torch.save did not write",
        "pickles can run any code, so it is not read; if you trust it, load it in Python and save "
        "the tensors with safetensors");
  }
  if (starts_as_msgpack_map(bytes)) {
    refuse("a msgpack file (Flax)", as_safetensors);
  }
  const std::string ending = path.extension().string();
  if (ending == ".onnx" || starts_as_onnx(bytes)) {
    refuse("an ONNX model", "fetch the checkpoint that it was exported from");
  }
  if (ending == ".pb" || ending == ".index" || name.find(".data-0") != std::string::npos) {
    refuse("a TensorFlow file", as_safetensors);
  }
  throw Error(fmt::format(
      "'{}' is {}not a supported checkpoint: those are safetensors, PyTorch (.pth, .pt, .bin; "
      "zip), NumPy .npz and the .index.json of a sharded one",
      name, kind.what.empty() ? std::string() : fmt::format("{}, ", kind.what)));
}

}  // namespace quantring::weights
