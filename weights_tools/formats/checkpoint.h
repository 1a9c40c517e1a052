#pragma once
// A foreign checkpoint as convert sees it: named tensors whose values can be read one at a time,
// whatever the container (safetensors, PyTorch zip, NumPy .npz; one file or many).

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
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

  // For people: "safetensors", "safetensors in 3 files", "PyTorch zip (state_dict)", "NumPy npz".
  virtual std::string format() const = 0;
  const TensorInfos& tensors() const { return tensors_; }

  // The values of one tensor, row-major, as f32 (f16, bf16 widened, f64 rounded). Needs memory for
  // this tensor alone, not for the file, and leaves no page of it mapped. Throws Error naming file
  // and tensor: not a float type, damaged (CRC), cut. tensors() must hold the name.
  virtual std::vector<float> read(const std::string& name) const = 0;

 protected:
  TensorInfos tensors_;
};

// What was opened. For a folder or an index, `file` is the file inside that says what there is.
struct OpenedCheckpoint {
  std::unique_ptr<Checkpoint> checkpoint;
  std::filesystem::path file;
  std::vector<std::filesystem::path> files;  // all that are read: `file`, and shards of an index
};

// By content, not by name: a file, a Hugging Face index (NAME.index.json), or a folder that holds
// one model (model.safetensors, pytorch_model.bin, their indexes, or the only checkpoint there).
// part: which dictionary of a PyTorch file that holds several ("model_ema"); empty: the only one.
// Throws Error saying what the file is when it is none of these, and what to do about it.
OpenedCheckpoint open_checkpoint(const std::filesystem::path& path, const std::string& part = {});

// From a tensor's stored bytes (little-endian, dense) to f32. dtype: F32, F16, BF16 or F64. Throws
// Error for others, and for f64 values beyond f32. bytes.size() must be a whole number of elements.
std::vector<float> widen(const std::string& dtype, const std::byte* bytes, std::size_t size);

}  // namespace quantring::weights
