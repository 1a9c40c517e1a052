// The differences that diff finds, and those that it ignores.

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/model/model_file.h"
#include "ops/base/json.h"
#include "tests/weights/model/models.h"
#include "weights_tools/inspect/diff.h"
#include "weights_tools/model/set_labels.h"
#include "weights_tools/model/shard.h"

using namespace quantring;
using namespace quantring::test;
using weights::DiffReport;

namespace {

struct Entry {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
  std::string dtype = "F32";  // or "I32": the same bytes
};

void write(const std::filesystem::path& path, const std::vector<Entry>& entries) {
  SafetensorsWriter writer(path);
  for (const Entry& entry : entries) writer.declare(entry.name, entry.dtype, entry.shape);
  writer.begin({});
  for (const Entry& entry : entries) writer.write(std::as_bytes(std::span(entry.values)));
  writer.commit();
}

DiffReport diff_of(const std::vector<Entry>& a, const std::vector<Entry>& b) {
  const TemporaryFolder folder;
  write(folder / "a.safetensors", a);
  write(folder / "b.safetensors", b);
  return weights::diff(folder / "a.safetensors", folder / "b.safetensors");
}

}  // namespace

TEST_CASE("differences of each tensor, the largest first") {
  const auto report = diff_of({{"same", {2}, {1, 2}},
                               {"small", {2}, {3, 4}},
                               {"large", {2, 2}, {1, 1, 1, 1}},
                               {"zero", {1}, {0}}},
                              {{"same", {2}, {1, 2}},
                               {"small", {2}, {3, 4.5f}},
                               {"large", {2, 2}, {1, -1, 1, 2}},
                               {"zero", {1}, {0.25f}}});
  CHECK_FALSE(report.same());
  CHECK(report.equal == 1);
  REQUIRE(report.values.size() == 3);
  CHECK(report.values[0].name == "large");
  CHECK(report.values[0].max_difference == 2);
  CHECK(report.values[0].relative_l2 == doctest::Approx(std::sqrt(5.0) / 2));
  CHECK(report.values[1].name == "small");
  CHECK(report.values[1].relative_l2 == doctest::Approx(0.1));  // 0.5 / |(3, 4)|
  CHECK(std::isinf(report.values[2].relative_l2));              // of a tensor of zeros
}

TEST_CASE("names, shapes and tensors that are not floats") {
  const auto report = diff_of({{"a", {1}, {1}},
                               {"both", {2}, {1, 2}},
                               {"shape", {2, 1}, {1, 2}},
                               {"count", {1}, {7}, "I32"}},
                              {{"b", {1}, {1}},
                               {"both", {2}, {1, 2}},
                               {"shape", {1, 2}, {1, 2}},
                               {"count", {1}, {8}, "I32"}});
  CHECK(report.only_a == std::vector<std::string>{"a"});
  CHECK(report.only_b == std::vector<std::string>{"b"});
  REQUIRE(report.shapes.size() == 1);
  CHECK(report.shapes[0].b == std::vector<std::int64_t>{1, 2});
  CHECK(report.skipped == std::vector<std::string>{"count"});
  CHECK(report.equal == 1);
  CHECK_FALSE(report.same());
}

TEST_CASE("NaN equals NaN and nothing else") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(diff_of({{"x", {2}, {nan, infinity}}}, {{"x", {2}, {nan, infinity}}}).same());
  const auto report = diff_of({{"x", {2}, {nan, 1}}}, {{"x", {2}, {0, 1}}});
  REQUIRE(report.values.size() == 1);
  CHECK(std::isinf(report.values[0].max_difference));
  CHECK_FALSE(diff_of({{"x", {1}, {infinity}}}, {{"x", {1}, {-infinity}}}).same());
  const auto json = try_parse_json(weights::diff_json(report));
  CHECK(json.at("values").at(0).at("max_difference") == "inf");
}

TEST_CASE("model files: their facts are compared, their storage types are ignored") {
  const TemporaryFolder folder;
  const auto a = folder / "a.safetensors", b = folder / "b.safetensors";
  write_small_model(a, ten_labels());
  write_small_model(b, ten_labels());
  CHECK(weights::diff(a, b).same());

  auto labels = ten_labels();
  labels[4] = "emu";
  weights::set_labels(b, labels);
  auto report = weights::diff(a, b);
  CHECK(report.facts == std::vector<std::string>{"labels.4: eel, emu"});
  CHECK_FALSE(report.same());

  write_small_model(b, ten_labels(), StorageType::f16);
  report = weights::diff(a, b);
  CHECK(report.facts.empty());
  CHECK(report.dtypes.size() == 6 * 4 + 4);  // the matrices, and only these were rounded
  CHECK(report.values.size() <= report.dtypes.size());
  for (const auto& value : report.values) CHECK(value.relative_l2 < 1e-3);

  weights::shard(ModelFile(a), "0-3", folder / "part.safetensors");
  report = weights::diff(a, folder / "part.safetensors");
  CHECK(report.facts == std::vector<std::string>{"blocks in the file: blocks 0-6, blocks 0-3"});
  CHECK(report.values.empty());
  CHECK(report.only_a.size() == 3 * 12 + 4);

  PreprocessConfig preprocess = small_preprocess();
  preprocess.mean = {0.25f};
  {
    ModelWriter writer(b, small_architecture(), preprocess, {}, StorageType::f32);
    for (const TensorSpec& spec : writer.tensors()) {
      writer.write(std::vector<float>(spec.elements()), spec.name);
    }
    writer.commit();
  }
  report = weights::diff(a, b);
  REQUIRE(report.facts.size() == 2);
  CHECK(contains(report.facts[0], "preprocess.mean: "));
  CHECK(report.facts[1] == "labels: 10 names, 0 names");
}

TEST_CASE("the text shows the first lines, or all") {
  std::vector<Entry> a, b;
  for (int i = 0; i < 30; ++i) {
    const std::string name = "tensor" + std::to_string(i);
    a.push_back({name, {1}, {0}});
    b.push_back({name, {1}, {static_cast<float>(i + 1)}});
  }
  const auto report = diff_of(a, b);
  const std::string text = weights::diff_text(report, 20);
  CHECK(contains(text, "tensor29"));
  CHECK_FALSE(contains(text, "tensor9 "));
  CHECK(contains(text, "... and 10 more"));
  CHECK(contains(weights::diff_text(report, 0), "tensor0 "));
}
