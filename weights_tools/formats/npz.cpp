#include "weights_tools/formats/npz.h"

#include <fmt/format.h>

#include <map>
#include <span>
#include <string_view>

#include "ops/base/error.h"
#include "weights_tools/formats/npy.h"
#include "weights_tools/formats/zip.h"

namespace quantring::weights {
namespace {

constexpr std::string_view suffix = ".npy";

// Trained weights deflate to half their size at best. Without this limit, an entry with a false
// size would be allocated before the error is found.
constexpr std::uint64_t large_entry = 64 << 20, max_ratio = 50;

// Converts column-major values to row-major.
std::vector<float> row_major(const std::vector<float>& values,
                             const std::vector<std::int64_t>& shape) {
  std::vector<float> result(values.size());
  std::vector<std::int64_t> index(shape.size(), 0);  // of the current value
  for (const float value : values) {
    std::int64_t at = 0;
    for (std::size_t d = 0; d < shape.size(); ++d) at = at * shape[d] + index[d];
    result[at] = value;
    for (std::size_t d = 0; d < shape.size() && ++index[d] == shape[d]; ++d) index[d] = 0;
  }
  return result;
}

class NpzCheckpoint : public Checkpoint {
 public:
  explicit NpzCheckpoint(const std::filesystem::path& path) : zip_(path) {
    for (const auto& [entry_name, entry] : zip_.entries()) {
      if (entry_name.ends_with('/') && entry.size == 0) continue;  // a folder
      if (!entry_name.ends_with(suffix)) {
        throw Error(
            fmt::format("'{}' contains '{}', which is not a NumPy array; save it again with "
                        "numpy.savez",
                        zip_.path(), entry_name));
      }
      if (entry.size > large_entry && entry.size / max_ratio > entry.compressed) {
        throw Error(
            fmt::format("'{}': entry '{}' claims {} bytes in {}; weights do not compress like "
                        "this: the file is damaged or malicious",
                        zip_.path(), entry_name, entry.size, entry.compressed));
      }
      const std::string name = entry_name.substr(0, entry_name.size() - suffix.size());
      NpyHeader header =
          parse_npy_header(zip_.read_prefix(entry_name, max_npy_header), where(name));
      if (entry.size - header.data_offset != header.data_bytes) {
        throw Error(where(name) + " does not have the size of its shape: the file is damaged");
      }
      tensors_[name] = {header.dtype, header.shape};
      headers_[name] = std::move(header);
    }
  }

  std::string format() const override { return "NumPy npz"; }

  std::vector<float> read(const std::string& name) const override {
    const NpyHeader& header = headers_.at(name);
    std::vector<float> values = widened(name, header);
    return header.column_major ? row_major(values, header.shape) : values;
  }

 private:
  std::string where(const std::string& name) const {
    return fmt::format("'{}': array '{}'", zip_.path(), name);
  }

  std::vector<float> widened(const std::string& name, const NpyHeader& header) const {
    const std::string entry_name = name + std::string(suffix);
    const ZipEntry& entry = zip_.entries().at(entry_name);
    const auto values = [&](std::span<const std::byte> contents) {
      try {
        return widen(header.dtype, contents.data() + header.data_offset, header.data_bytes);
      } catch (const Error& error) {
        throw Error(fmt::format("{}: {}", where(name), error.what()));
      }
    };
    if (entry.deflated) return values(zip_.read(entry_name, entry.size));
    return values(zip_.stored(entry_name));
  }

  ZipFile zip_;
  std::map<std::string, NpyHeader> headers_;
};

}  // namespace

std::unique_ptr<Checkpoint> open_npz(const std::filesystem::path& path) {
  return std::make_unique<NpzCheckpoint>(path);
}

}  // namespace quantring::weights
