// A classifier in a separate file gives the same model as one in the checkpoint.

#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <string>

#include "engine/model/model_file.h"
#include "engine/model/safetensors.h"
#include "ops/base/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"
#include "tests/support/texts.h"
#include "tests/weights/formats/pickle_text.h"
#include "tests/weights/formats/torch_archive.h"
#include "weights_tools/convert/convert.h"

using namespace quantring;
using quantring::test::contains;
namespace fs = std::filesystem;

namespace {

const fs::path fixtures =
    fs::path(quantring::test::source_path("")) / "tests/weights/fixtures/golden";

// Copies the tensors of `from` under the names that `rename` returns; empty: not copied.
template <class Rename>
void write_some(const fs::path& from, const fs::path& to, Rename rename) {
  const SafetensorsFile file(from);
  SafetensorsWriter writer(to);
  for (const auto& [name, tensor] : file.tensors()) {
    if (!rename(name).empty()) writer.declare(rename(name), tensor.dtype, tensor.shape);
  }
  writer.begin({});
  for (const auto& [name, tensor] : file.tensors()) {
    if (!rename(name).empty()) writer.write(file.read(tensor));
  }
  writer.commit();
}

bool is_head(const std::string& name) {
  return name.rfind("classifier.", 0) == 0;
}

// {"state_dict": {"module.linear.weight": ..., "module.linear.bias": ...}}
void write_torch_head(const fs::path& from, const fs::path& to) {
  const SafetensorsFile file(from);
  std::map<std::string, std::string> entries{{"a/byteorder", "little"}};
  std::string dict = "}(";
  for (const char* part : {"weight", "bias"}) {
    const StoredTensor& stored = file.tensors().at(std::string("classifier.") + part);
    REQUIRE(stored.dtype == "F32");
    const std::vector<std::byte> data = file.read(stored);
    test::Tensor tensor;
    tensor.key = part;
    tensor.storage_elements = static_cast<std::int64_t>(data.size() / 4);
    const auto& shape = stored.shape;
    tensor.shape =
        shape.size() == 2 ? test::dimensions({shape[0], shape[1]}) : test::dimensions({shape[0]});
    tensor.strides = shape.size() == 2 ? test::dimensions({shape[1], 1}) : test::dimensions({1});
    dict += test::text(std::string("module.linear.") + part) + tensor.pickle();
    entries[std::string("a/data/") + part] = {reinterpret_cast<const char*>(data.data()),
                                              data.size()};
  }
  entries["a/data.pkl"] = test::pickle("}(" + test::text("state_dict") + dict + "uu");
  test::write_file(to, test::zip_archive(entries));
}

std::string convert(const weights::ConvertOptions& options) {
  return weights::convert(options, [](std::uint64_t, std::uint64_t) {}).hash;
}

std::string error_for(const weights::ConvertOptions& options) {
  return test::error_of([&] { convert(options); });
}

}  // namespace

TEST_CASE("DINOv2 features with a separate linear head give the same model as one file") {
  const test::TemporaryFolder folder;
  const fs::path both = fixtures / "hf_dinov2/model.safetensors";
  weights::ConvertOptions options;
  options.input = both;
  options.output = folder / "model.safetensors";
  options.config = fixtures / "hf_dinov2/config.json";
  options.hints.resize = "none";
  options.hints.mean = options.hints.std = {0.5f, 0.5f, 0.5f};
  const std::string expected = convert(options);

  // As facebook/dinov2-* have it: no "dinov2." before the names. And as a saved nn.Linear.
  write_some(both, folder / "features.safetensors", [](const std::string& name) {
    return is_head(name) ? std::string() : name.substr(std::string("dinov2.").size());
  });
  write_some(both, folder / "linear.safetensors", [](const std::string& name) {
    return is_head(name) ? name.substr(std::string("classifier.").size()) : std::string();
  });
  options.input = folder / "features.safetensors";
  CHECK(contains(error_for(options), "--head"));
  options.head = folder / "linear.safetensors";
  CHECK(convert(options) == expected);
  const ModelFile model(options.output);
  CHECK(model.architecture().pooling == Pooling::class_and_average);

  // One on both tokens is not one on a single token, whatever the flag says.
  options.hints.pooling = "average";
  CHECK(contains(error_for(options), "concatenated"));
  CHECK(contains(error_for(options), "leave --pooling out, or give a --head of 16 inputs"));
  options.hints.pooling.reset();

  // A training script's features and head, both in a wrapper.
  write_some(folder / "features.safetensors", folder / "wrapped.safetensors",
             [](const std::string& name) { return "_orig_mod.module." + name; });
  options.input = folder / "wrapped.safetensors";
  CHECK(convert(options) == expected);
  options.head = folder / "linear.pth";
  write_torch_head(both, options.head);
  CHECK(convert(options) == expected);
  write_some(both, folder / "wrapped.safetensors",
             [](const std::string& name) { return "module." + name; });
  CHECK(contains(error_for(options), "has a classifier already ('module.classifier.weight')"));
  options.head = folder / "linear.safetensors";

  options.input = both;
  CHECK(contains(error_for(options), "has a classifier already ('classifier.weight')"));
  options.input = folder / "features.safetensors";
  options.head = folder / "features.safetensors";
  CHECK(contains(error_for(options), "one linear layer"));
  options.head = folder / "nothing.safetensors";
  CHECK(contains(error_for(options), "nothing.safetensors"));
}
