#include "weights_tools/formats/safetensors_checkpoint.h"

#include <fmt/format.h>

#include "engine/model/safetensors.h"
#include "ops/base/error.h"
#include "weights_tools/base/printable.h"

namespace quantring::weights {
namespace {

class SafetensorsCheckpoint : public Checkpoint {
 public:
  explicit SafetensorsCheckpoint(const std::filesystem::path& path)
      : path_(path.string()), file_(path) {
    for (const auto& [name, tensor] : file_.tensors()) {
      if (has_control(name)) {
        throw Error(fmt::format("'{}': the name of a tensor has control characters", path_));
      }
      tensors_[name] = {tensor.dtype, tensor.shape};
    }
  }

  std::string format() const override { return "safetensors"; }

  std::vector<float> read(const std::string& name) const override {
    const StoredTensor& tensor = file_.tensors().at(name);
    try {
      const std::vector<std::byte> data = file_.read(tensor);
      if (file_.file().changed()) throw Error("the file changed while it was read");
      return widen(tensor.dtype, data.data(), data.size());
    } catch (const Error& error) {
      throw Error(fmt::format("'{}': tensor '{}': {}", path_, name, error.what()));
    }
  }

 private:
  std::string path_;
  SafetensorsFile file_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_safetensors(const std::filesystem::path& path) {
  return std::make_unique<SafetensorsCheckpoint>(path);
}

}  // namespace quantring::weights
