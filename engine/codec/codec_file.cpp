#include "engine/codec/codec_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/model/hash.h"
#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "ops/base/json_fields.h"
#include "ops/half.h"

namespace quantring {
namespace {

using nlohmann::json;

constexpr const char* remedy = "make it with `quantring calibrate PHOTOS --model MODEL`";
constexpr std::size_t max_side = 4096, max_dim = 16384, max_cuts = 4096;
constexpr int scalar_count = 6;

std::string cut_name(int cut, const char* tensor) {
  return fmt::format("cut.{}.{}", cut, tensor);
}

std::string rate_name(int cut, int width) {
  return fmt::format("cut.{}.klt.{}.", cut, width);
}

const std::string& metadata(const SafetensorsFile& file, const std::string& path, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end())
    throw Error(fmt::format("'{}' is not a codec file: {}", path, remedy));
  return found->second;
}

std::string identity(const std::string& codec, const std::string& tensors) {
  return sha256_hex("quantring.codec\n" + codec + "\n" + tensors);
}

template <class Value>
std::vector<Value> values(const std::vector<std::byte>& bytes) {
  std::vector<Value> result(bytes.size() / sizeof(Value));
  if (!bytes.empty()) std::memcpy(result.data(), bytes.data(), bytes.size());  // no prefix tokens
  return result;
}

std::vector<float> halves(const std::vector<std::byte>& bytes) {
  const auto stored = values<std::uint16_t>(bytes);
  std::vector<float> result(stored.size());
  halves_to_floats(stored.data(), result.data(), stored.size());
  return result;
}

std::vector<std::byte> as_halves(const std::vector<float>& floats) {
  std::vector<std::uint16_t> stored(floats.size());
  floats_to_halves(floats.data(), stored.data(), stored.size());
  std::vector<std::byte> bytes(stored.size() * sizeof(std::uint16_t));
  if (!bytes.empty()) std::memcpy(bytes.data(), stored.data(), bytes.size());
  return bytes;
}

template <class Value>
std::vector<std::byte> as_bytes(const std::vector<Value>& stored) {
  const auto bytes = std::as_bytes(std::span(stored));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::int64_t> sizes(std::initializer_list<std::size_t> dimensions) {
  std::vector<std::int64_t> result;
  for (const std::size_t size : dimensions) result.push_back(static_cast<std::int64_t>(size));
  return result;
}

std::size_t read_size(const json& value, const char* what, std::size_t max, std::size_t min = 1) {
  const auto number = whole_number(value);
  if (!number || static_cast<std::size_t>(*number) < min || static_cast<std::size_t>(*number) > max)
    throw Error(fmt::format("{} is out of bounds", what));
  return static_cast<std::size_t>(*number);
}

std::vector<int> read_ascending(const json& object, const char* key, std::size_t max) {
  std::vector<int> numbers;
  for (const json& entry : read_array(object, key, max)) {
    const auto number = whole_number(entry);
    if (!number || (!numbers.empty() && *number <= numbers.back()))
      throw Error(fmt::format("\"{}\" is not an ascending list", key));
    numbers.push_back(*number);
  }
  return numbers;
}

struct StoredBytes {
  std::string name, dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

void add_rate(std::vector<StoredBytes>& all, int cut, const KltRate& rate, const KltShape& shape) {
  const std::string name = rate_name(cut, rate.width);
  const std::vector<float> scalars = {rate.step,      rate.prefix_step,
                                      rate.points[0], rate.points[1],
                                      rate.points[2], static_cast<float>(rate.lanes)};
  all.push_back({name + "scalars", "F32", sizes({scalars.size()}), as_bytes(scalars)});
  all.push_back(
      {name + "classes", "U8", sizes({klt_bands, rate.components}), as_bytes(rate.classes)});
  all.push_back({name + "prefix_classes", "U8", sizes({shape.prefix, shape.dim}),
                 as_bytes(rate.prefix_classes)});
  all.push_back(
      {name + "frequencies", "U16", sizes({klt_classes, klt_symbols}), as_bytes(rate.frequencies)});
  all.push_back({name + "thresholds", "F32", sizes({klt_classes, klt_escape - 1}),
                 as_bytes(rate.thresholds)});
  all.push_back(
      {name + "synthesis", "F16", sizes({rate.components, shape.dim}), as_halves(rate.synthesis)});
}

std::vector<StoredBytes> stored_tensors(const CodecFileContent& content) {
  std::vector<StoredBytes> all;
  const KltTables& first = content.cuts.begin()->second;
  const KltShape& shape = first.shape;
  all.push_back({"dct.rows", "F32", sizes({shape.rows, shape.rows}), as_bytes(first.dct_rows)});
  all.push_back({"dct.cols", "F32", sizes({shape.cols, shape.cols}), as_bytes(first.dct_cols)});
  for (const auto& [cut, tables] : content.cuts) {
    const auto square = sizes({shape.dim, shape.dim});
    for (const KltRate& rate : tables.rates) add_rate(all, cut, rate, shape);
    all.push_back(
        {cut_name(cut, "mean"), "F16", sizes({shape.tokens(), shape.dim}), as_halves(tables.mean)});
    all.push_back({cut_name(cut, "analysis"), "F16", square, as_halves(tables.analysis)});
    all.push_back({cut_name(cut, "synthesis"), "F16", square, as_halves(tables.synthesis)});
  }
  all.push_back({"bands", "U8", sizes({shape.patches()}), as_bytes(first.bands)});
  // Wide types first: each tensor starts where the one before ends, and readers want alignment.
  const auto width = [](const StoredBytes& tensor) { return stored_dtype_bytes(tensor.dtype); };
  std::stable_sort(all.begin(), all.end(),
                   [&](const StoredBytes& a, const StoredBytes& b) { return width(a) > width(b); });
  return all;
}

std::string codec_metadata(const CodecFileContent& content) {
  const KltTables& first = content.cuts.begin()->second;
  json cuts = json::array(), widths = json::array();
  for (const auto& [cut, tables] : content.cuts) cuts.push_back(cut);
  for (const KltRate& rate : first.rates)
    if (rate.width < klt_chained) widths.push_back(rate.width);
  const KltShape& shape = first.shape;
  return json_text(json{{"format", 1},
                        {"model", content.model_hash},
                        {"pictures", content.pictures},
                        {"shape", {shape.prefix, shape.rows, shape.cols, shape.dim}},
                        {"cuts", cuts},
                        {"widths", widths},
                        {"ladder", content.ladder}});
}

}  // namespace

std::filesystem::path codec_file_path(const std::filesystem::path& model) {
  std::filesystem::path path = model;
  if (path.extension() == ".safetensors") path.replace_extension();
  path += ".codec.safetensors";
  return path;
}

CodecFile::CodecFile(const std::filesystem::path& path) : path_(path.string()), file_(path) {
  const std::string& codec = metadata(file_, path_, "quantring.codec");
  const std::string& tensors = metadata(file_, path_, "quantring.tensors");
  hash_ = metadata(file_, path_, "quantring.hash");
  if (hash_ != identity(codec, tensors)) fail("its metadata do not match its hash: copy it again");
  try {
    const json value = parse_json(codec, "quantring.codec");
    if (const int format = read_int(value, "format"); format != 1)
      fail(
          fmt::format("has format {}, this build reads 1: use the version of quantring that wrote "
                      "it, or calibrate again",
                      format));
    model_hash_ = read_string(value, "model");
    pictures_ = read_uint(value, "pictures");
    ladder_ = read_string(value, "ladder");
    const json& shape = read_array(value, "shape", 4);
    if (shape.size() != 4) fail("\"shape\" has not four sizes");
    shape_ = {read_size(shape[0], "shape", max_side, 0), read_size(shape[1], "shape", max_side),
              read_size(shape[2], "shape", max_side), read_size(shape[3], "shape", max_dim)};
    cuts_ = read_ascending(value, "cuts", max_cuts);
    widths_ = read_ascending(value, "widths", klt_widths.size());
    for (const int width : widths_)
      if (!klt_has_width(width) || width > klt_chained)
        fail(fmt::format("its width {} of klt is not known: calibrate again", width));
    const json listed = parse_json(tensors, "quantring.tensors");
    for (const auto& [name, digest] : listed.items()) digests_[name] = digest.get<std::string>();
  } catch (const json::exception&) {
    fail("its metadata are damaged");
  } catch (const Error& error) {
    fail(error.what());
  }
}

void CodecFile::fail(const std::string& what) const {
  throw Error(what.starts_with("'") ? what : fmt::format("'{}': {}", path_, what));
}

std::unique_ptr<CodecFile> find_codec_file(const std::string& model_path,
                                           const std::string& model_hash) {
  const std::filesystem::path path = codec_file_path(model_path);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return nullptr;
  auto file = std::make_unique<CodecFile>(path);
  if (file->model_hash() != model_hash) {
    throw Error(
        fmt::format("'{}' belongs to another model than '{}': make it again with `quantring "
                    "calibrate PHOTOS --model {}`, or remove it",
                    file->path(), model_path, model_path));
  }
  return file;
}

bool CodecFile::has(int cut) const {
  return std::binary_search(cuts_.begin(), cuts_.end(), cut);
}

std::vector<std::byte> CodecFile::bytes(const std::string& name, const std::string& dtype,
                                        const std::vector<std::int64_t>& shape) const {
  const auto found = file_.tensors().find(name);
  if (found == file_.tensors().end() || found->second.dtype != dtype ||
      found->second.shape != shape)
    fail(fmt::format("tensor '{}' is missing or of another type or shape", name));
  std::vector<std::byte> data = file_.read(found->second);
  const auto digest = digests_.find(name);
  if (digest == digests_.end() || digest->second != tensor_digest(dtype, data))
    fail(fmt::format("tensor '{}' is damaged: copy the file again", name));
  return data;
}

KltRate CodecFile::rate(const std::string& name, int width) const {
  KltRate rate;
  rate.width = width;
  const auto scalars = values<float>(bytes(name + "scalars", "F32", {scalar_count}));
  rate.step = scalars[0];
  rate.prefix_step = scalars[1];
  rate.points = {scalars[2], scalars[3], scalars[4]};
  rate.lanes = scalars[5] >= 1 && scalars[5] <= max_klt_streams * max_rans_lanes
                   ? static_cast<int>(scalars[5])
                   : 0;
  const auto classes = file_.tensors().find(name + "classes");
  if (classes == file_.tensors().end() || classes->second.shape.size() != 2)
    fail(fmt::format("tensor '{}classes' is missing", name));
  rate.components = static_cast<std::size_t>(classes->second.shape[1]);
  if (rate.components > shape_.dim) fail(fmt::format("'{}classes' is too large", name));
  rate.classes =
      values<std::uint8_t>(bytes(name + "classes", "U8", sizes({klt_bands, rate.components})));
  rate.prefix_classes = values<std::uint8_t>(
      bytes(name + "prefix_classes", "U8", sizes({shape_.prefix, shape_.dim})));
  rate.frequencies =
      values<std::uint16_t>(bytes(name + "frequencies", "U16", sizes({klt_classes, klt_symbols})));
  rate.thresholds =
      values<float>(bytes(name + "thresholds", "F32", sizes({klt_classes, klt_escape - 1})));
  rate.synthesis = halves(bytes(name + "synthesis", "F16", sizes({rate.components, shape_.dim})));
  return rate;
}

KltTables CodecFile::tables(int cut) const {
  KltTables tables;
  tables.shape = shape_;
  const auto square = sizes({shape_.dim, shape_.dim});
  tables.mean = halves(bytes(cut_name(cut, "mean"), "F16", sizes({shape_.tokens(), shape_.dim})));
  tables.analysis = halves(bytes(cut_name(cut, "analysis"), "F16", square));
  tables.synthesis = halves(bytes(cut_name(cut, "synthesis"), "F16", square));
  tables.dct_rows = values<float>(bytes("dct.rows", "F32", sizes({shape_.rows, shape_.rows})));
  tables.dct_cols = values<float>(bytes("dct.cols", "F32", sizes({shape_.cols, shape_.cols})));
  tables.bands = values<std::uint8_t>(bytes("bands", "U8", sizes({shape_.patches()})));
  for (const int width : widths_) tables.rates.push_back(rate(rate_name(cut, width), width));
  // Not at every cut: not at the first of a chain, and not with --quick.
  for (const int width : klt_chained_widths) {
    const std::string name = rate_name(cut, width + klt_chained);
    if (digests_.contains(name + "scalars"))
      tables.rates.push_back(rate(name, width + klt_chained));
  }
  try {
    tables.prepare();
  } catch (const Error& error) {
    fail(fmt::format("cut {}: {}", cut, error.what()));
  }
  return tables;
}

void round_to_stored(std::vector<float>& values) {
  std::vector<std::uint16_t> stored(values.size());
  floats_to_halves(values.data(), stored.data(), stored.size());
  halves_to_floats(stored.data(), values.data(), stored.size());
  if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
    throw Error("a table of the calibration has a value that is too large for f16");
}

void round_to_stored(KltTables& tables) {
  round_to_stored(tables.mean);
  round_to_stored(tables.analysis);
  round_to_stored(tables.synthesis);
  for (KltRate& rate : tables.rates) round_to_stored(rate.synthesis);
}

void write_codec_file(const std::filesystem::path& path, const CodecFileContent& content) {
  SafetensorsWriter writer(path);
  const std::vector<StoredBytes> tensors = stored_tensors(content);
  json digests = json::object();
  for (const StoredBytes& tensor : tensors) {
    writer.declare(tensor.name, tensor.dtype, tensor.shape);
    digests[tensor.name] = tensor_digest(tensor.dtype, tensor.bytes);
  }
  const std::string codec = codec_metadata(content), names = json_text(digests);
  writer.begin({{"quantring.codec", codec},
                {"quantring.tensors", names},
                {"quantring.hash", identity(codec, names)}});
  for (const StoredBytes& tensor : tensors) writer.write(tensor.bytes);
  writer.commit();
}

}  // namespace quantring
