// inspect for models, parts and checkpoints.

#include <doctest/doctest.h>

#include "engine/model/model_file.h"
#include "ops/base/json.h"
#include "tests/weights/model/models.h"
#include "weights_tools/formats/checkpoint.h"
#include "weights_tools/inspect/inspect.h"
#include "weights_tools/inspect/inspect_checkpoint.h"
#include "weights_tools/model/costs.h"
#include "weights_tools/model/is_model_file.h"
#include "weights_tools/model/shard.h"

using namespace quantring;
using namespace quantring::test;
using nlohmann::json;

namespace {

constexpr int dim = 16, mlp = 32, tokens = 5, classes = 10, depth = 6, patch = 16;
// Computed by hand from the shapes of a ViT.
constexpr int attention = 2 * dim + 3 * dim * dim + 3 * dim + dim * dim + dim;
constexpr int mlp_half = 2 * dim + 2 * dim * mlp + mlp + dim;
constexpr int embedding = patch * dim + dim + dim + tokens * dim;
constexpr int head = 2 * dim + dim * classes + classes;

json inspected(const std::filesystem::path& path) {
  return try_parse_json(weights::inspect_json(ModelFile(path)));
}

}  // namespace

TEST_CASE("parameters, bytes and operations of each part") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors", ten_labels());
  const json value = inspected(folder / "model.safetensors");
  const json& parts = value.at("parts");
  CHECK(parts.at("embedding").at("parameters") == embedding);
  CHECK(parts.at("attention_half").at("parameters") == attention);
  CHECK(parts.at("mlp_half").at("parameters") == mlp_half);
  CHECK(parts.at("head").at("parameters") == head);
  CHECK(value.at("parameters") == embedding + depth * (attention + mlp_half) + head);
  CHECK(value.at("bytes") == 4 * value.at("parameters").get<int>());
  CHECK(value.at("bytes_by_dtype").at("F32") == value.at("bytes"));
  // 2 operations per multiply-add: scores and values, and four dim x dim matrices per token.
  const double work = 2e-9 * (4.0 * tokens * dim * dim + 2.0 * tokens * tokens * dim);
  CHECK(parts.at("attention_half").at("gflops").get<double>() == doctest::Approx(work));
  CHECK(parts.at("head").at("gflops").get<double>() == doctest::Approx(2e-9 * dim * classes));
  CHECK(parts.at("embedding").at("gflops").get<double>() == doctest::Approx(2e-9 * 4 * 16 * dim));
}

TEST_CASE("storage in half precision") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors", {}, StorageType::f16);
  const json value = inspected(folder / "model.safetensors");
  const std::uint64_t f16 = value.at("bytes_by_dtype").at("F16"),
                      f32 = value.at("bytes_by_dtype").at("F32");
  CHECK(f16 / 2 + f32 / 4 == value.at("parameters"));
  CHECK(f16 + f32 == value.at("bytes"));
  const ModelFile model(folder / "model.safetensors");
  std::uint64_t stored = 0;
  for (const auto& [name, tensor] : model.tensors()) stored += tensor.bytes;
  CHECK(stored == value.at("bytes"));
}

TEST_CASE("cuts: the costs before and behind add up; bytes across") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors");
  const json value = inspected(folder / "model.safetensors");
  REQUIRE(value.at("cuts").size() == 2 * depth - 1);
  for (const json& cut : value.at("cuts")) {
    CHECK(cut.at("before").at("bytes").get<int>() + cut.at("behind").at("bytes").get<int>() ==
          value.at("bytes"));
    CHECK(cut.at("before").at("gflops").get<double>() +
              cut.at("behind").at("gflops").get<double>() ==
          doctest::Approx(value.at("gflops").get<double>()));
  }
  CHECK(value.at("cuts").at(0).at("block") == 0.5);
  CHECK(value.at("cuts").at(0).at("before").at("parameters") == embedding + attention);
  const json& crossing = value.at("bytes_per_image_at_a_cut");
  constexpr int header = 4, scale_and_offset = 8;
  CHECK(crossing.at("raw32") == header + tokens * dim * 4);
  CHECK(crossing.at("raw16") == header + tokens * dim * 2);
  CHECK(crossing.at("ptq 8") == header + scale_and_offset + tokens * dim);
  CHECK(crossing.at("ptq 4") == header + scale_and_offset + tokens * dim / 2);
  CHECK(crossing.at("ptq 2") == header + scale_and_offset + tokens * dim / 4);
  REQUIRE(value.at("even_splits").size() == 3);
  CHECK(value.at("even_splits").at(1).at("blocks") == json{"0-2", "2-4", "4-6"});
}

TEST_CASE("the text") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors", ten_labels());
  const std::string text = weights::inspect_text(ModelFile(folder / "model.safetensors"));
  CHECK(contains(text, "6 blocks, dim 16, 2 heads of 8, MLP 32"));
  CHECK(contains(text, "10: ant ... jay"));
  CHECK(contains(text, "class token, 4 patches"));
  CHECK(contains(text, "each of 6 blocks"));
  CHECK(contains(text, "5 tokens x 16 = 80 values"));
  CHECK(contains(text, "\n5.5 "));  // few blocks: cuts inside them are shown
  CHECK_FALSE(contains(text, "only blocks"));
  CHECK_FALSE(contains(text, " \n"));
}

TEST_CASE("a part: its blocks, and the facts of the whole model") {
  const TemporaryFolder folder;
  write_small_model(folder / "model.safetensors", ten_labels());
  weights::shard(ModelFile(folder / "model.safetensors"), "1-3", folder / "part.safetensors");
  const json whole = inspected(folder / "model.safetensors"),
             part = inspected(folder / "part.safetensors");
  CHECK(part.at("blocks") == "1-3");
  CHECK(part.at("bytes_in_file") == 2 * 4 * (attention + mlp_half));
  for (const char* key : {"parameters", "bytes", "parts", "cuts", "hash", "labels"}) {
    CHECK(part.at(key) == whole.at(key));
  }
  CHECK(contains(weights::inspect_text(ModelFile(folder / "part.safetensors")),
                 "only blocks 1-3 of 6"));
}

TEST_CASE("the text names every extra of an architecture") {
  Architecture a = small_architecture();
  a.has_distillation_token = a.embed_norm = a.qk_norm = a.layer_scale = true;
  a.registers = 4;
  a.pooling = Pooling::class_and_distillation;
  a.activation = Activation::gelu_quick;
  const TemporaryFolder folder;
  {
    ModelWriter writer(folder / "m.safetensors", a, small_preprocess(), {}, StorageType::f32);
    for (const TensorSpec& spec : writer.tensors()) {
      writer.write(std::vector<float>(spec.elements()), spec.name);
    }
    writer.commit();
  }
  const ModelFile model(folder / "m.safetensors");
  const std::string text = weights::inspect_text(model);
  for (const char* words : {"distillation token, 4 registers", "norm before the blocks", "qk-norm",
                            "LayerScale", "gelu (quick)", "mean of two"}) {
    CHECK(contains(text, words));
  }
  // Embedding, blocks and head are complete.
  std::uint64_t stored = 0;
  for (const auto& [name, tensor] : model.tensors()) stored += tensor.bytes;
  const auto costs = weights::model_costs(model);
  CHECK(costs.whole().bytes == stored);
  CHECK(costs.whole().gflop == doctest::Approx(gflops_per_image(a)));
}

TEST_CASE("a checkpoint") {
  const TemporaryFolder folder;
  const auto path = folder / "checkpoint.safetensors";
  {
    SafetensorsWriter writer(path);
    writer.declare("cls_token", "F32", {1, 1, 4});
    writer.declare("pos_embed", "F16", {3});
    writer.begin({});
    const std::vector<std::byte> bytes(16);
    writer.write(bytes);
    writer.write(std::span(bytes).first(6));
    writer.commit();
  }
  CHECK_FALSE(weights::is_model_file(path));
  CHECK_FALSE(weights::is_model_file(folder.path()));
  CHECK_FALSE(weights::is_model_file(folder / "nothing"));
  const auto opened = weights::open_checkpoint(path);
  const std::string text = weights::inspect_checkpoint_text(path, *opened.checkpoint);
  CHECK(contains(text, "2 (1 F16, 1 F32)"));
  CHECK(contains(text, "[1, 1, 4]"));
  CHECK(contains(text, "quantring-weights convert " + path.string()));
  const json value = try_parse_json(weights::inspect_checkpoint_json(path, *opened.checkpoint));
  CHECK(value.at("parameters") == 7);
  CHECK(value.at("tensors").at("cls_token").at("shape") == json{1, 1, 4});
  write_small_model(path);
  CHECK(weights::is_model_file(path));
}
