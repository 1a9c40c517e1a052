#include <doctest/doctest.h>

#include "tests/support/golden.h"
#include "tests/support/memory_file.h"
#include "tests/weights/formats/containers.h"
#include "tests/weights/formats/zip_builder.h"
#include "weights_tools/formats/safetensors_checkpoint.h"
#include "weights_tools/formats/sharded.h"

using namespace quantring::weights;
using namespace quantring::test;

namespace {

// One tensor "w" of `bytes` zero bytes.
std::string one_tensor(const std::string& dtype, const std::string& shape, std::size_t bytes,
                       const std::string& name = "w") {
  const std::string header = "{\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape +
                             "],\"data_offsets\":[0," + std::to_string(bytes) + "]}}";
  return little(header.size(), 8) + header + std::string(bytes, '\0');
}

std::unique_ptr<Checkpoint> sharded(const std::filesystem::path& index) {
  return open_sharded(index, open_safetensors);
}

std::string index_error(const std::string& text) {
  return error_of([&] { parse_index(text, "x.index.json"); });
}

}  // namespace

TEST_CASE("a single file") {
  const auto file =
      open_safetensors(container("sharded_safetensors/model-00003-of-00003.safetensors"));
  CHECK(file->format() == "safetensors");
  REQUIRE(file->tensors().size() == 2);
  CHECK(file->tensors().at("head.bias").dtype == "BF16");
  CHECK(file->tensors().at("blocks.2.weight").shape == std::vector<std::int64_t>{8, 16});
  CHECK(file->read("head.bias") == fixture_values(4));
  CHECK(file->read("blocks.2.weight") == fixture_values(128));
}

TEST_CASE("other types than floats are listed but not read; names must be printable") {
  const TemporaryFolder folder;
  const auto path = write_file(folder / "a.safetensors", one_tensor("I64", "2", 16));
  const auto file = open_safetensors(path);
  CHECK(file->tensors().at("w").dtype == "I64");
  CHECK(contains(error_of([&] { file->read("w"); }),
                 "a.safetensors': tensor 'w': it has I64 values"));
  write_file(path, one_tensor("F32", "1", 4, "a\\u001b[2J"));
  CHECK(contains(error_of([&] { open_safetensors(path); }), "control characters"));
}

TEST_CASE("reading releases the pages of the file") {
  const TemporaryFolder folder;
  constexpr std::size_t bytes = 16 << 20;
  const auto path =
      write_file(folder / "a.safetensors", one_tensor("F32", std::to_string(bytes / 4), bytes));
  const auto file = open_safetensors(path);
  const std::size_t before = resident_file_bytes();
  CHECK(file->read("w").size() == bytes / 4);
  CHECK(resident_file_bytes() < before + (1 << 20));
}

TEST_CASE("several files saved by huggingface_hub") {
  const auto index = container("sharded_safetensors/model.safetensors.index.json");
  const auto checkpoint = sharded(index);
  CHECK(checkpoint->format() == "safetensors in 3 files");
  CHECK(checkpoint->tensors().size() == 4);
  for (const char* const name : {"blocks.0.weight", "blocks.1.weight", "blocks.2.weight"}) {
    CHECK(checkpoint->tensors().at(name).shape == std::vector<std::int64_t>{8, 16});
    CHECK(checkpoint->read(name) == fixture_values(128));
  }
  CHECK(checkpoint->read("head.bias") == fixture_values(4));
}

TEST_CASE("only tensors that the index names are part of the checkpoint") {
  const TemporaryFolder folder;
  write_file(folder / "one", one_tensor("F32", "1", 4, "w"));
  write_file(folder / "two", one_tensor("F32", "2", 8, "w"));
  const auto index = write_file(folder / "i", R"({"weight_map": {"w": "two"}})");
  CHECK(sharded(index)->tensors().at("w").shape == std::vector<std::int64_t>{2});
  write_file(index, R"({"weight_map": {"w": "two", "v": "one"}})");
  CHECK(contains(error_of([&] { sharded(index); }),
                 "places tensor 'v' in 'one', which does not have it"));
  write_file(index, R"({"weight_map": {"w": "two", "v": "three"}})");
  CHECK(contains(error_of([&] { sharded(index); }),
                 "needs 'three', which is not in the same folder; fetch all 2 of its files"));
  write_file(folder / "two", one_tensor("F32", "2", 8, "w").substr(0, 60));
  // Longer than file systems allow.
  write_file(index, R"({"weight_map": {"w": ")" + std::string(300, 'x') + "\"}}");
  CHECK(contains(error_of([&] { sharded(index); }), "which is not in the same folder"));
  write_file(index, R"({"weight_map": {"w": "two"}})");
  CHECK(contains(error_of([&] { sharded(index); }), "two'"));
}

TEST_CASE("a malicious index is an error") {
  CHECK(index_error(R"({"metadata": {"a": [{"b": 1}]}, "weight_map": {"w": "f"}})") == no_error);
  for (const char* const file :
       {"../f", "/f", "a/f", "..", ".", "", "a\\\\f", "a\\u0000", "a\\nb"}) {
    CAPTURE(file);
    CHECK(contains(index_error(std::string(R"({"weight_map": {"w": ")") + file + "\"}}"),
                   "must be in a file of the same folder"));
  }
  CHECK(contains(index_error(R"({"weight_map": {"w": 3}})"), "must be in a file"));
  CHECK(contains(index_error(R"({"weight_map": {"w": "f", "w": "g"}})"), "'w' appears twice"));
  CHECK(contains(index_error(R"({"weight_map": {"w": "f"}, "weight_map": {"v": "f"}})"),
                 "'weight_map' appears twice"));
  CHECK(contains(index_error(R"({"weight_map": {"a\u001b": "f"}})"), "control characters"));
  CHECK(contains(index_error(R"({"weight_map": {}})"), "weight_map has no tensors"));
  CHECK(contains(index_error(R"({"weight_map": ["f"]})"), "weight_map has no tensors"));
  CHECK(contains(index_error(R"({"model_type": "vit"})"), "has no weight_map"));
  CHECK(contains(index_error(R"(["weight_map"])"), "has no weight_map"));
  CHECK(contains(index_error(std::string(1 << 20, '[')), "nested too deeply"));
  std::string deep = R"({"metadata": )";
  for (int i = 0; i < 100000; ++i) deep += "{\"a\":";
  CHECK(contains(index_error(deep), "nested too deeply"));

  const std::string whole = R"({"metadata": {}, "weight_map": {"w": "f"}})";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(contains(index_error(whole.substr(0, size)), "not valid JSON"));
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    index_error(flipped);  // an error or another name; JSON has no checksum
  }
}

TEST_CASE("an index that is too large is an error before it is read") {
  const TemporaryFolder folder;
  const auto path = write_file(folder / "i.index.json", "{");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  CHECK(contains(error_of([&] { sharded(path); }), "too large"));
}

TEST_CASE("truncated safetensors files are errors") {
  const std::string whole =
      read_file(container("sharded_safetensors/model-00003-of-00003.safetensors"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(error_of([&] { open_safetensors(memory_file(whole.substr(0, size))); }) != no_error);
  }
}
