// MODEL.codec.safetensors: what is written is read again, and every kind of damage is one line that
// names the file.
#include <cstring>
#include <functional>
#include <string>

#include <doctest/doctest.h>

#include "engine/codec/codec_file.h"
#include "engine/model/hash.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "tests/support/files.h"
#include "tests/support/klt_tables.h"
#include "tests/support/temp_folder.h"

namespace quantring {
namespace {

using nlohmann::json;

CodecFileContent some_content(const KltShape& shape) {
  CodecFileContent content{"0123abcd", "{\"ladder\": []}", 200, {}};
  for (const int cut : {2, 5, 11}) {
    KltTables tables = test::klt_tables(shape, static_cast<unsigned>(cut));
    if (cut > 2) {  // not at the first of a chain
      for (const int width : klt_chained_widths) {
        KltRate chained = *tables.rate(width);
        chained.width += klt_chained;
        chained.step *= 0.75F;
        tables.rates.push_back(chained);
      }
    }
    round_to_stored(tables);
    content.cuts[cut] = tables;
  }
  return content;
}

void check_same(const KltTables& a, const KltTables& b) {
  CHECK(a.shape == b.shape);
  CHECK(a.mean == b.mean);
  CHECK(a.analysis == b.analysis);
  CHECK(a.synthesis == b.synthesis);
  CHECK(a.dct_rows == b.dct_rows);
  CHECK(a.dct_cols == b.dct_cols);
  CHECK(a.bands == b.bands);
  REQUIRE(a.rates.size() == b.rates.size());
  for (std::size_t i = 0; i < a.rates.size(); ++i) {
    const KltRate &r = a.rates[i], &s = b.rates[i];
    CHECK(r.width == s.width);
    CHECK(r.lanes == s.lanes);
    CHECK(r.components == s.components);
    CHECK(r.step == s.step);
    CHECK(r.prefix_step == s.prefix_step);
    CHECK(r.points == s.points);
    CHECK(r.classes == s.classes);
    CHECK(r.prefix_classes == s.prefix_classes);
    CHECK(r.frequencies == s.frequencies);
    CHECK(r.thresholds == s.thresholds);
    CHECK(r.synthesis == s.synthesis);
  }
}

// A file taken apart, and put together again.
struct Parts {
  json header;
  std::string data;
  explicit Parts(const std::string& file) {
    std::uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    header = json::parse(file.substr(8, length));
    data = file.substr(8 + length);
  }
  std::string text(const char* key) const { return header["__metadata__"][key]; }
  void set(const char* key, const std::string& value) { header["__metadata__"][key] = value; }
  // Changes quantring.codec and makes the hash fit.
  void change(const std::function<void(json&)>& edit) {
    json codec = json::parse(text("quantring.codec"));
    edit(codec);
    set("quantring.codec", codec.dump());
    sign();
  }
  void sign() {
    set("quantring.hash", sha256_hex("quantring.codec\n" + text("quantring.codec") + "\n" +
                                     text("quantring.tensors")));
  }
  std::string file() const {
    std::string text = header.dump();
    while (text.size() % 8 != 0) text += ' ';
    std::string length(8, '\0');
    const std::uint64_t size = text.size();
    std::memcpy(length.data(), &size, 8);
    return length + text + data;
  }
};

// Opens the file and reads all of it. The message, which has one line and names the file.
std::string refusal(const TempFolder& folder, const std::string& bytes) {
  const std::string path = folder.write("bad.codec.safetensors", bytes);
  try {
    const CodecFile file(path);
    for (const int cut : file.cuts()) file.tables(cut);
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.find("bad.codec.safetensors") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    return message;
  }
  FAIL("the file was read");
  return {};
}

TEST_CASE("the codec file lies beside the model") {
  CHECK(codec_file_path("a/m.safetensors") == "a/m.codec.safetensors");
  CHECK(codec_file_path("a/m.x") == "a/m.x.codec.safetensors");
}

TEST_CASE("a codec file is read as it was written") {
  const TempFolder folder;
  for (const KltShape& shape :
       {KltShape{0, 2, 3, 8}, KltShape{1, 4, 4, 17}, KltShape{5, 1, 6, 4}}) {
    CAPTURE(shape.prefix);
    const CodecFileContent content = some_content(shape);
    const std::string path = folder / "m.codec.safetensors";
    write_codec_file(path, content);
    const CodecFile file(path);
    CHECK(file.path() == path);
    CHECK(file.model_hash() == "0123abcd");
    CHECK(file.ladder() == content.ladder);
    CHECK(file.pictures() == 200);
    CHECK(file.cuts() == std::vector<int>{2, 5, 11});
    CHECK(file.widths() == std::vector<int>{2, 3, 4, 6, 8, 12});
    CHECK(file.has(5));
    CHECK_FALSE(file.has(4));
    for (const auto& [cut, tables] : content.cuts) check_same(file.tables(cut), tables);
    CHECK(test::files_in(folder.path()) == 1);
    std::filesystem::remove(path);
  }
}

TEST_CASE("the hash changes with anything in the file") {
  const TempFolder folder;
  const auto hash = [&](const CodecFileContent& content) {
    write_codec_file(folder / "m", content);
    return CodecFile(folder / "m").hash();
  };
  const CodecFileContent content = some_content({1, 2, 2, 4});
  const std::string first = hash(content);
  CHECK(first.size() == 64);
  CHECK(hash(content) == first);
  const auto changed = [&](auto edit) {
    CodecFileContent other = content;
    edit(other);
    CHECK(hash(other) != first);
  };
  changed([](CodecFileContent& c) { c.model_hash = "0123abce"; });
  changed([](CodecFileContent& c) { c.ladder += " "; });
  changed([](CodecFileContent& c) { ++c.pictures; });
  changed([](CodecFileContent& c) { c.cuts.erase(11); });
  changed([](CodecFileContent& c) { c.cuts[5].mean[0] += 1; });
  changed([](CodecFileContent& c) { c.cuts[5].rates[1].step *= 2; });
  changed([](CodecFileContent& c) { c.cuts[5].rates[1].classes[0] ^= 1; });
  changed([](CodecFileContent& c) { c.cuts[11].rates[0].thresholds[9] += 1; });
}

TEST_CASE("values that half precision cannot hold are refused before writing") {
  KltTables tables = test::klt_tables({1, 2, 2, 4});
  tables.mean[3] = 1e6F;
  CHECK_THROWS_AS(round_to_stored(tables), Error);
}

TEST_CASE("a damaged codec file is refused in one line that names it") {
  const TempFolder folder;
  const std::string path = folder / "m.codec.safetensors";
  write_codec_file(path, some_content({1, 2, 3, 8}));
  const std::string whole = test::read_file(path);
  const Parts parts(whole);
  REQUIRE(Parts(parts.file()).data == parts.data);
  const auto says = [&](const std::string& message, auto edit) {
    Parts changed = parts;
    edit(changed);
    const std::string refused = refusal(folder, changed.file());
    CAPTURE(refused);
    CHECK(refused.find(message) != std::string::npos);
  };

  SUBCASE("not a codec file") {
    CHECK_THROWS_AS(CodecFile(folder / "absent"), Error);
    refusal(folder, "");
    refusal(folder, "not safetensors");
    says("quantring calibrate", [](Parts& p) { p.header.erase("__metadata__"); });
    for (const char* key : {"quantring.codec", "quantring.tensors", "quantring.hash"})
      says("quantring calibrate", [key](Parts& p) { p.header["__metadata__"].erase(key); });
  }
  SUBCASE("truncated or longer") {
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{100},
                                   whole.size() / 2, whole.size() - 1})
      refusal(folder, whole.substr(0, size));
  }
  SUBCASE("metadata") {
    says("hash", [](Parts& p) { p.set("quantring.codec", p.text("quantring.codec") + " "); });
    says("hash", [](Parts& p) { p.set("quantring.tensors", "{}"); });
    says("format 2", [](Parts& p) { p.change([](json& c) { c["format"] = 2; }); });
    says("width 5", [](Parts& p) { p.change([](json& c) { c["widths"] = {2, 5}; }); });
    says("ascending", [](Parts& p) { p.change([](json& c) { c["widths"] = {4, 2}; }); });
    says("ascending", [](Parts& p) { p.change([](json& c) { c["cuts"] = {5, 2}; }); });
    says("ascending", [](Parts& p) { p.change([](json& c) { c["cuts"] = {2, 2}; }); });
    says("ascending", [](Parts& p) { p.change([](json& c) { c["cuts"] = {2.5}; }); });
    says("shape", [](Parts& p) { p.change([](json& c) { c["shape"] = {1, 2, 3}; }); });
    says("shape", [](Parts& p) { p.change([](json& c) { c["shape"] = {1, 0, 3, 8}; }); });
    says("shape", [](Parts& p) { p.change([](json& c) { c["shape"] = {1, 2, 3, 1 << 20}; }); });
    says("shape", [](Parts& p) { p.change([](json& c) { c["shape"] = {-1, 2, 3, 8}; }); });
    for (const char* key : {"format", "model", "pictures", "shape", "cuts", "widths", "ladder"}) {
      CAPTURE(key);
      says(key, [key](Parts& p) { p.change([key](json& c) { c.erase(key); }); });
      says(key, [key](Parts& p) { p.change([key](json& c) { c[key] = {{"a", 1}}; }); });
    }
    for (const char* text : {"", "[", "[]", "3", "null", "{\"bands\": 3}", "{\"bands\": \"\"}"}) {
      CAPTURE(text);
      says("", [text](Parts& p) {
        p.set("quantring.codec", text);
        p.sign();
      });
      says("", [text](Parts& p) {
        p.set("quantring.tensors", text);
        p.sign();
      });
    }
  }
  SUBCASE("sizes that the tensors do not have cost nothing") {
    says("", [](Parts& p) { p.change([](json& c) { c["shape"] = {4096, 4096, 4096, 16384}; }); });
    says("", [](Parts& p) { p.change([](json& c) { c["shape"] = {1, 3, 2, 8}; }); });
  }
  SUBCASE("tensors") {
    for (const auto& [name, entry] : parts.header.items()) {
      if (name == "__metadata__") continue;
      const std::string key = name;  // clang 14 captures no structured binding
      CAPTURE(key);
      says(key, [&key](Parts& p) { p.header.erase(key); });
      says(key, [&key](Parts& p) {
        auto& shape = p.header[key]["shape"];
        shape.insert(shape.begin(), 1);
      });
      says(key, [&key](Parts& p) {
        const std::string dtype = p.header[key]["dtype"];
        p.header[key]["dtype"] = dtype == "F32" ? "I32" : dtype == "U8" ? "I8" : "BF16";
      });
      const std::size_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
      for (const std::size_t at : {begin, (begin + end) / 2, end - 1})
        says("damaged", [at](Parts& p) { p.data[at] = static_cast<char>(p.data[at] ^ 1); });
    }
    says("is missing", [](Parts& p) { p.change([](json& c) { c["cuts"] = {2, 5, 11, 12}; }); });
  }
  SUBCASE("values that no codec can use") {
    const auto poison = [&](const std::string& name, const char* dtype, auto value) {
      says("cut 5", [&](Parts& p) {
        const std::size_t begin = p.header[name]["data_offsets"][0];
        const std::size_t end = p.header[name]["data_offsets"][1];
        std::memcpy(p.data.data() + begin, &value, sizeof value);
        json digests = json::parse(p.text("quantring.tensors"));
        digests[name] = std::string(dtype) + " " + sha256_hex(p.data.substr(begin, end - begin));
        p.set("quantring.tensors", digests.dump());
        p.sign();
      });
    };
    poison("cut.5.mean", "F16", std::uint16_t{0x7e00});
    poison("cut.5.analysis", "F16", std::uint16_t{0x7c00});
    poison("cut.5.klt.4.scalars", "F32", -1.0F);
    poison("cut.5.klt.4.classes", "U8", std::uint8_t{64});
    poison("cut.5.klt.4.frequencies", "U16", std::uint16_t{0});
    poison("cut.5.klt.4.thresholds", "F32", INFINITY);
  }
}

}  // namespace
}  // namespace quantring
