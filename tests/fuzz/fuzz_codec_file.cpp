// The reader of codec files: arbitrary bytes as a file, as the texts of its metadata, and as edits
// to a valid file. Digests and hash are corrected after the edits, so that the code behind the
// checks is reached; tables that were read code an image.

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "engine/codec/codec_file.h"
#include "engine/codec/coder.h"
#include "engine/model/hash.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/files.h"
#include "tests/support/klt_tables.h"
#include "tests/support/memory_file.h"

using namespace quantring;

namespace {

using nlohmann::json;

constexpr std::size_t max_elements = 1 << 12;  // of an image that is coded: many runs a second

void code(const KltTables& tables) {
  const std::size_t elements = tables.shape.tokens() * tables.shape.dim;
  if (elements > max_elements) return;
  const TensorShape shape{1, static_cast<std::uint32_t>(tables.shape.tokens()),
                          static_cast<std::uint32_t>(tables.shape.dim)};
  Context context;
  Coder coder(context, shape, {&tables, &tables});
  const std::vector<float> values(elements, 1.5F);
  std::vector<float> back(elements);
  std::vector<std::byte> coded;
  for (const KltRate& rate : tables.rates) {
    coder.encode(host_tensor(values, shape), {CodecId::klt, static_cast<std::uint8_t>(rate.width)},
                 coded);
    check_coded(coded, shape);
    coder.decode(coded, host_tensor(std::span(back), shape));
  }
}

void read(const std::string& bytes) {
  const CodecFile file(test::memory_file(bytes));
  for (std::size_t i = 0; i < file.cuts().size() && i < 3; ++i) code(file.tables(file.cuts()[i]));
}

// A valid file taken apart.
struct Parts {
  json header;
  std::string data;
};

Parts valid_parts() {
  CodecFileContent content{"abc", "{}", 8, {}};
  for (const int cut : {1, 2}) {
    KltTables& tables = content.cuts[cut];
    tables = test::klt_tables({1, 2, 2, 3}, static_cast<unsigned>(cut));
    while (tables.rates.size() > 2) tables.rates.pop_back();
    round_to_stored(tables);
  }
  const auto path = std::filesystem::temp_directory_path() /
                    ("quantring-fuzz-" + std::to_string(::getpid()) + ".codec.safetensors");
  write_codec_file(path, content);
  const std::string file = test::read_file(path);
  std::filesystem::remove(path);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  return {json::parse(file.substr(8, length)), file.substr(8 + length)};
}

std::string assembled(const json& header, const std::string& data) {
  const std::string text = json_text(header);
  std::string file(8, '\0');
  const std::uint64_t length = text.size();
  std::memcpy(file.data(), &length, sizeof length);
  return file + text + data;
}

void sign(json& metadata) {
  metadata["quantring.hash"] =
      sha256_hex("quantring.codec\n" + metadata["quantring.codec"].get<std::string>() + "\n" +
                 metadata["quantring.tensors"].get<std::string>());
}

// text: instead of quantring.codec, or of quantring.tensors.
void read_texts(const Parts& valid, const char* key, const std::string& text) {
  json header = valid.header;
  header["__metadata__"][key] = text;
  sign(header["__metadata__"]);
  read(assembled(header, valid.data));
}

// Edits of tensors: which, where, the new byte; then of the codec's numbers.
void read_edited(const Parts& valid, fuzz::Input input) {
  Parts parts = valid;
  json& metadata = parts.header["__metadata__"];
  json digests = json::parse(metadata["quantring.tensors"].get<std::string>());
  json codec = json::parse(metadata["quantring.codec"].get<std::string>());
  std::vector<std::string> names;
  for (const auto& [name, digest] : digests.items()) names.push_back(name);
  const int shape_edits = input.byte() % 3;
  for (int i = 0; i < shape_edits; ++i)
    codec["shape"][input.byte() % 4] = input.take<std::uint16_t>();
  while (!input.empty()) {
    const std::string& name = input.one_of(names);
    json& tensor = parts.header[name];
    const std::size_t begin = tensor["data_offsets"][0], end = tensor["data_offsets"][1];
    const auto where = input.take<std::uint16_t>();
    const auto byte = static_cast<char>(input.byte());
    if (begin == end) continue;
    if (where == 0xffff) {
      auto& shape = tensor["shape"];
      std::swap(shape[0], shape[shape.size() - 1]);
      continue;
    }
    parts.data[begin + where % (end - begin)] = byte;
  }
  for (const std::string& name : names) {
    const json& tensor = parts.header[name];
    const std::size_t begin = tensor["data_offsets"][0], end = tensor["data_offsets"][1];
    digests[name] = tensor["dtype"].get<std::string>() + " " +
                    sha256_hex(std::string_view(parts.data).substr(begin, end - begin));
  }
  metadata["quantring.codec"] = json_text(codec);
  metadata["quantring.tensors"] = json_text(digests);
  sign(metadata);
  read(assembled(parts.header, parts.data));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Parts valid = valid_parts();
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0] % 4) {
      case 0:
        read(text);
        break;
      case 1:
        read_texts(valid, "quantring.codec", text);
        break;
      case 2:
        read_texts(valid, "quantring.tensors", text);
        break;
      default:
        read_edited(valid, fuzz::Input(data + 1, size - 1));
        break;
    }
  } catch (const Error&) {
  }
  return 0;
}
