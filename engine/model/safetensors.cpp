#include "engine/model/safetensors.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

using nlohmann::json;

// A header is a few hundred bytes per tensor; the format's reference library has the same limit.
constexpr std::uint64_t max_header_bytes = 100'000'000;
constexpr int max_header_depth = 4;  // header / tensor / shape is 3
// About ten values per tensor. Parsed values take many times the memory of their text.
constexpr std::size_t max_header_values = 2'000'000;

std::uint64_t read_le64(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}

// Refuses what a valid header never has: deep nesting, too many values, and a duplicate name.
json parse_header(std::string_view text, const std::string& file) {
  std::vector<std::string> seen;
  std::size_t values = 0;
  const auto check = [&](int depth, json::parse_event_t event, json& value) {
    if (depth >= max_header_depth) {
      throw Error(fmt::format("'{}': the safetensors header is nested too deeply", file));
    }
    if (++values > max_header_values) {
      throw Error(fmt::format("'{}': the safetensors header has more than {} values", file,
                              max_header_values));
    }
    if (event == json::parse_event_t::key && depth == 1) seen.push_back(value.get<std::string>());
    return true;
  };
  json header = json::parse(text, check, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object()) {
    throw Error(fmt::format("'{}' is not a safetensors file: its header is not JSON", file));
  }
  std::sort(seen.begin(), seen.end());
  const auto twice = std::adjacent_find(seen.begin(), seen.end());
  if (twice != seen.end())
    throw Error(fmt::format("'{}': tensor '{}' appears twice", file, *twice));
  return header;
}

std::uint64_t as_count(const json& value, const std::string& where) {
  if (!value.is_number_unsigned()) throw Error(where + " is not a non-negative integer");
  return value.get<std::uint64_t>();
}

// data_begin, data_bytes: of the part of the file behind the header.
StoredTensor parse_tensor(const json& entry, std::uint64_t data_begin, std::uint64_t data_bytes,
                          const std::string& where) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !entry["shape"].is_array() || !entry.contains("data_offsets") ||
      !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2) {
    throw Error(where + " has no dtype, shape or data_offsets");
  }
  StoredTensor tensor;
  tensor.dtype = entry["dtype"].get<std::string>();
  const std::uint64_t element = stored_dtype_bytes(tensor.dtype);
  if (element == 0) throw Error(fmt::format("{} has the unknown dtype '{}'", where, tensor.dtype));
  std::uint64_t bytes = element;
  if (entry["shape"].size() > 8) throw Error(where + " has more than 8 dimensions");
  for (const json& dim : entry["shape"]) {
    const std::uint64_t size = as_count(dim, where + ": a dimension");
    // Bounded by the file, so the product cannot wrap.
    if (size > data_bytes || (size != 0 && bytes > data_bytes / size)) {
      throw Error(where + " is larger than the file");
    }
    bytes *= size;
    tensor.shape.push_back(static_cast<std::int64_t>(size));
  }
  const std::uint64_t begin = as_count(entry["data_offsets"][0], where + ": an offset");
  const std::uint64_t end = as_count(entry["data_offsets"][1], where + ": an offset");
  if (begin > end || end > data_bytes) {
    throw Error(where + " points past the end of the file: the file is truncated or damaged");
  }
  if (end - begin != bytes) throw Error(where + " has offsets that do not fit its shape");
  tensor.offset = data_begin + begin;
  tensor.bytes = bytes;
  return tensor;
}

void refuse_overlap(const std::map<std::string, StoredTensor>& tensors, const std::string& file) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& [name, tensor] : tensors)
    if (tensor.bytes > 0) ranges.emplace_back(tensor.offset, tensor.offset + tensor.bytes);
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) {
      throw Error(fmt::format("'{}': two tensors share bytes: the file is damaged", file));
    }
  }
}

}  // namespace

std::size_t stored_dtype_bytes(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2},
      {"I8", 1},  {"U64", 8}, {"U32", 4}, {"U16", 2},  {"U8", 1},  {"BOOL", 1}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const std::string& name = file_.path();
  if (file_.size() < 8) throw Error(fmt::format("'{}' is too short for a safetensors file", name));
  const std::uint64_t header_bytes = read_le64(file_.read(0, 8));
  if (header_bytes > max_header_bytes || header_bytes > file_.size() - 8) {
    throw Error(fmt::format("'{}' is not a safetensors file, or it is truncated", name));
  }
  const std::vector<std::byte> text = file_.read(8, header_bytes);
  const json header = parse_header({reinterpret_cast<const char*>(text.data()), text.size()}, name);
  const std::uint64_t begin = 8 + header_bytes;
  for (const auto& [key, entry] : header.items()) {
    if (key != "__metadata__") {
      tensors_.emplace(key, parse_tensor(entry, begin, file_.size() - begin,
                                         fmt::format("'{}': tensor '{}'", name, key)));
      continue;
    }
    if (!entry.is_object()) throw Error(fmt::format("'{}': __metadata__ is not an object", name));
    for (const auto& [field, value] : entry.items()) {
      if (!value.is_string())
        throw Error(fmt::format("'{}': metadata '{}' is not text", name, field));
      metadata_.emplace(field, value.get<std::string>());
    }
  }
  refuse_overlap(tensors_, name);
}

}  // namespace quantring
