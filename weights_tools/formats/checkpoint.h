#pragma once
// A checkpoint of another framework: named tensors whose values are read one at a time, from any
// container (safetensors, PyTorch zip, NumPy .npz; one or several files).

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quantring::weights {

struct TensorInfo {
  std::string dtype;  // as safetensors names it: "F32", "F16", "BF16", "F64", "I64", ...
  std::vector<std::int64_t> shape;
  std::uint64_t elements() const;  // readers have checked that this cannot overflow
};

using TensorInfos = std::map<std::string, TensorInfo>;

class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  // For display: "safetensors", "safetensors in 3 files", "PyTorch zip (state_dict)", "NumPy npz".
  virtual std::string format() const = 0;
  const TensorInfos& tensors() const { return tensors_; }

  // The values of one tensor, row-major, as f32 (f16, bf16 widened, f64 rounded). Memory: this
  // tensor only. Throws Error naming file and tensor: not a float type, damaged (CRC), truncated.
  // tensors() must contain the name.
  virtual std::vector<float> read(const std::string& name) const = 0;

 protected:
  TensorInfos tensors_;
};

// For a folder or an index, `file` is the file inside that was opened first.
struct OpenedCheckpoint {
  std::unique_ptr<Checkpoint> checkpoint;
  std::filesystem::path file;
  std::vector<std::filesystem::path>
      files;  // all files that are read: `file`, and the shards of an index
};

// Recognised by content, not by name: a file, a Hugging Face index (NAME.index.json), or a folder
// with one model (model.safetensors, pytorch_model.bin, their indexes, or the only checkpoint
// there). part: the dictionary in a PyTorch file that has several ("model_ema"); empty: the only
// one. Throws Error for other files, with their type and the remedy; OptionError if `part` does not
// fit the file, or is needed.
OpenedCheckpoint open_checkpoint(const std::filesystem::path& path, const std::string& part = {});

// F32, F16, BF16 or F64.
bool is_float_dtype(std::string_view dtype);

// Converts a tensor's stored bytes (little-endian, dense) to f32. Throws Error if the dtype is not
// a float type, and for f64 values beyond f32. size: a whole number of elements.
std::vector<float> widen(const std::string& dtype, const std::byte* bytes, std::size_t size);

}  // namespace quantring::weights
