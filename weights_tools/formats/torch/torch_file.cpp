#include "weights_tools/formats/torch/torch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "ops/base/error.h"
#include "weights_tools/base/printable.h"
#include "weights_tools/formats/pickle/pickle.h"
#include "weights_tools/formats/torch/torch_names.h"
#include "weights_tools/formats/torch/torch_state.h"
#include "weights_tools/formats/zip.h"

namespace quantring::weights {
namespace {

// A few kilobytes for a ViT; some hundred for a training checkpoint with its options.
constexpr std::uint64_t max_pickle_bytes = 16 << 20;

constexpr const char* pickle_name = "data.pkl";

// "PREFIX/" of the archive's only PREFIX/data.pkl.
std::string find_prefix(const ZipFile& zip) {
  std::string prefix;
  for (const auto& [name, entry] : zip.entries()) {
    const std::size_t slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != pickle_name) continue;
    if (!prefix.empty()) {
      throw Error(
          fmt::format("'{}' contains two PyTorch files, {} and {}; unpack it and convert one",
                      zip.path(), ascii_excerpt(prefix + pickle_name), ascii_excerpt(name)));
    }
    prefix = name.substr(0, slash + 1);
  }
  if (prefix.empty()) {
    throw Error(fmt::format(
        "'{}' is a zip archive, but not a PyTorch checkpoint: it has no data.pkl", zip.path()));
  }
  return prefix;
}

void check_is_plain(const ZipFile& zip, const std::string& prefix) {
  const auto& entries = zip.entries();
  const auto code = entries.lower_bound(prefix + "code/");
  const bool has_code = code != entries.end() && code->first.starts_with(prefix + "code/");
  if (has_code || entries.contains(prefix + "constants.pkl")) {
    throw Error(
        fmt::format("'{}' is a TorchScript program, not only weights; save its weights with "
                    "torch.save(torch.jit.load(FILE).state_dict(), \"weights.pth\")",
                    zip.path()));
  }
  if (!entries.contains(prefix + "byteorder"))
    return;  // missing before torch 2.1, which wrote little-endian
  const std::vector<std::byte> order = zip.read(prefix + "byteorder", 16);
  const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size());
  if (text != "little") {
    throw Error(
        fmt::format("'{}' was written on a machine of {} byte order; load it with PyTorch "
                    "on a little-endian machine and save it again",
                    zip.path(), text == "big" ? "big-endian" : "unknown"));
  }
}

// Reads the elements of a strided view in row-major order.
class Gather {
 public:
  Gather(const TorchTensor& tensor, const std::byte* storage)
      : tensor_(tensor),
        from_(storage + tensor.offset * tensor.item_bytes),
        index_(tensor.shape.size()) {}

  void next(std::byte* to, std::uint64_t count) {
    const std::uint64_t size = tensor_.item_bytes;
    for (; count > 0; --count, to += size) {
      std::memcpy(to, from_ + position_ * size, size);
      advance();
    }
  }

 private:
  void advance() {
    for (std::size_t i = index_.size(); i-- > 0;) {
      position_ += static_cast<std::uint64_t>(tensor_.strides[i]);
      if (++index_[i] < tensor_.shape[i]) return;
      position_ -= static_cast<std::uint64_t>(tensor_.strides[i]) *
                   static_cast<std::uint64_t>(tensor_.shape[i]);
      index_[i] = 0;
    }
  }

  const TorchTensor& tensor_;
  const std::byte* from_;
  std::uint64_t position_ = 0;  // in elements; may wrap around temporarily
  std::vector<std::int64_t> index_;
};

class TorchFile : public Checkpoint {
 public:
  TorchFile(const std::filesystem::path& path, const std::string& part) : zip_(path) {
    const std::string prefix = find_prefix(zip_);
    check_is_plain(zip_, prefix);
    const Pickle pickle(zip_.read(prefix + pickle_name, max_pickle_bytes), torch_names(),
                        zip_.path());
    TorchState state = find_torch_state(pickle.root(), part, zip_.path());
    part_ = std::move(state.part);
    for (auto& [name, tensor] : state.tensors) {
      const auto entry = zip_.entries().find(prefix + "data/" + std::string(tensor.storage));
      if (entry == zip_.entries().end()) {
        throw Error(fmt::format("{}: its storage is not in the file", where(name)));
      }
      if (entry->second.size != tensor.storage_bytes) {
        throw Error(fmt::format("{}: its storage has {} bytes instead of {}", where(name),
                                entry->second.size, tensor.storage_bytes));
      }
      tensors_[name] = {std::string(tensor.dtype), tensor.shape};
      tensor.storage = entry->first;  // valid as long as the archive, unlike the pickle
      views_.emplace(name, std::move(tensor));
    }
  }

  std::string format() const override {
    return part_.empty() ? "PyTorch zip" : "PyTorch zip (" + ascii_excerpt(part_) + ")";
  }

  std::vector<float> read(const std::string& name) const override {
    const TorchTensor& tensor = views_.at(name);
    const std::string dtype(tensor.dtype);
    if (!is_float_dtype(dtype)) {
      throw Error(
          fmt::format("{} is {}; weights must be F32, F16, BF16 or F64", where(name), dtype));
    }
    if (tensor.elements == 0) return {};
    const std::span<const std::byte> storage = zip_.stored(std::string(tensor.storage));
    std::vector<float> values;
    try {
      values = tensor.contiguous()
                   ? widen(dtype, storage.data() + tensor.offset * tensor.item_bytes,
                           tensor.elements * tensor.item_bytes)
                   : gather(tensor, dtype, storage.data());
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", where(name), error.what()));
    }
    return values;
  }

 private:
  static std::vector<float> gather(const TorchTensor& tensor, const std::string& dtype,
                                   const std::byte* storage) {
    constexpr std::uint64_t max_chunk = 1 << 12;
    std::vector<float> values;
    values.reserve(tensor.elements);
    std::vector<std::byte> dense(std::min(max_chunk, tensor.elements) * tensor.item_bytes);
    Gather elements(tensor, storage);
    while (values.size() < tensor.elements) {
      const std::uint64_t count = std::min(max_chunk, tensor.elements - values.size());
      elements.next(dense.data(), count);
      const std::vector<float> piece = widen(dtype, dense.data(), count * tensor.item_bytes);
      values.insert(values.end(), piece.begin(), piece.end());
    }
    return values;
  }

  std::string where(const std::string& name) const {
    return fmt::format("'{}': tensor '{}'", zip_.path(), ascii_excerpt(name));
  }

  ZipFile zip_;
  std::string part_;
  std::map<std::string, TorchTensor> views_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_torch_file(const std::filesystem::path& path,
                                            const std::string& part) {
  return std::make_unique<TorchFile>(path, part);
}

}  // namespace quantring::weights
