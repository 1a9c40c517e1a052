// Valid architectures, their JSON in the model file, and their tensors.

#include "engine/model/architecture.h"

#include <doctest/doctest.h>

#include <functional>

#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "tests/engine/model/architectures.h"
#include "tests/support/paths.h"
#include "tests/support/texts.h"

using namespace quantring;

namespace {

Architecture changed(const std::function<void(Architecture&)>& change) {
  Architecture a = test::plain_architecture();
  change(a);
  return a;
}

// The JSON of a plain ViT with a part of the text replaced.
std::string with(const std::string& piece, const std::string& replacement) {
  std::string text = architecture_to_json(test::plain_architecture());
  const auto at = text.find(piece);
  REQUIRE(at != std::string::npos);
  return text.replace(at, piece.size(), replacement);
}

std::string refusal(const std::string& json) {
  return test::error_of([&] { architecture_from_json(json); });
}

std::vector<std::string> names(const std::vector<TensorSpec>& specs) {
  std::vector<std::string> names;
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  return names;
}

constexpr const char* plain_text =
    R"({"type":"vit","image":[12,12],"patch":[4,4],"channels":3,"dim":24,"depth":3,"heads":3,)"
    R"("mlp_dim":40,"classes":7,"class_token":true,"pooling":"class_token",)"
    R"("norm_after_pooling":false,"norm_eps":"1e-06","activation":"gelu"})";

}  // namespace

TEST_CASE("the JSON of a plain ViT never changes: hashes of models cover it") {
  CHECK(architecture_to_json(test::plain_architecture()) == plain_text);
  // The model in the repository was written by the first version.
  const ModelFile model(quantring::test::source_path("models/fashion_mnist_vit.safetensors"));
  CHECK(
      architecture_to_json(model.architecture()) ==
      R"({"type":"vit","image":[28,28],"patch":[4,4],"channels":1,"dim":192,"depth":12,"heads":3,)"
      R"("mlp_dim":768,"classes":10,"class_token":true,"pooling":"class_token",)"
      R"("norm_after_pooling":false,"norm_eps":"1e-06","activation":"gelu"})");
  CHECK(model_format(model.architecture()) == 1);
}

TEST_CASE(
    "the JSON of every architecture reads back as the same one, and differs from all others") {
  std::vector<std::string> texts;
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const Architecture& architecture = named.architecture;
    const std::string text = architecture_to_json(architecture);
    CHECK(architecture_from_json(text) == architecture);
    for (const std::string& other : texts) CHECK(text != other);
    texts.push_back(text);
  }
}

TEST_CASE("format 1 for features that its readers know, 2 for others") {
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const Architecture& a = named.architecture;
    // The first readers ignored unknown keys and refused unknown names.
    const std::string text = architecture_to_json(a);
    bool known = true;
    for (const char* addition : {"distillation", "registers", "embed_norm", "qk_norm",
                                 "layer_scale", "class_and_average", "gelu_quick"}) {
      known = known && text.find(addition) == std::string::npos;
    }
    CHECK(model_format(a) == (known ? 1 : 2));
  }
}

TEST_CASE("errors for invalid JSON") {
  CHECK(refusal(plain_text) == test::no_error);
  CHECK(refusal(with("\"classes\":7", "\"classes\":7,\"windows\":3")) ==
        "model architecture: key 'windows' is unknown: the file was made by a newer version");
  CHECK(refusal(with("\"vit\"", "\"swin\"")) ==
        "model architecture: only type 'vit' is known to this version");
  CHECK(refusal(with("\"gelu\"", "\"relu\"")) == "model architecture: unknown activation 'relu'");
  CHECK(refusal(with("\"class_token\",", "\"max\",")) ==
        "model architecture: unknown pooling 'max'");
  for (const char* wrong : {"4294967320", "18446744073709551615", "1e3", "24.0", "-24", "\"24\"",
                            "null", "true", "[24]"}) {
    INFO(std::string(wrong));
    CHECK(refusal(with("\"dim\":24", std::string("\"dim\":") + wrong)) ==
          "model architecture: field 'dim' is not a whole number in bounds");
  }
  for (const char* wrong : {"\"tiny\"", "\"nan\"", "\"1e-06x\"", "1e-06"}) {
    CHECK(refusal(with("\"1e-06\"", wrong)) ==
          "model architecture: field 'norm_eps' is not a number written as text");
  }
  CHECK(refusal(with("\"1e-06\"", "\"2\"")) == "model architecture: norm_eps must be in (0, 1)");
  for (const std::string& damaged :
       {with("\"dim\":24,", ""), with("[12,12]", "[12]"), with("[12,12]", "12"),
        with("\"class_token\":true", "\"class_token\":1"), with("}", ""),
        with("\"dim\":24", "\"dim\":24,\"qk_norm\":\"yes\""), std::string("[]"), std::string("7"),
        std::string()}) {
    INFO(damaged);
    CHECK(refusal(damaged).find("model architecture: ") == 0);
  }
  CHECK(refusal(with("\"dim\":24", "\"dim\":24,\"registers\":true")) ==
        "model architecture: field 'registers' is not a whole number in bounds");
}

TEST_CASE("errors for impossible architectures have the reason") {
  const std::vector<std::pair<std::string, std::function<void(Architecture&)>>> cases = {
      {"image height is 0, must be 1 to 8192", [](auto& a) { a.image_height = 0; }},
      {"image width is 8193, must be 1 to 8192", [](auto& a) { a.image_width = 8193; }},
      {"patch height is 13, must be 1 to 12", [](auto& a) { a.patch_height = 13; }},
      {"image 12x12 is not a whole number of 4x5 patches", [](auto& a) { a.patch_width = 5; }},
      {"2 channels; must be 1 (grey) or 3 (RGB)", [](auto& a) { a.channels = 2; }},
      {"5 heads do not divide dim 24", [](auto& a) { a.heads = 5; }},
      {"heads is 0, must be 1 to 24", [](auto& a) { a.heads = 0; }},
      {"depth is 513, must be 1 to 512", [](auto& a) { a.depth = 513; }},
      {"classes is 0, must be 1 to 1000000", [](auto& a) { a.classes = 0; }},
      {"registers is -1, must be 0 to 1024", [](auto& a) { a.registers = -1; }},
      {"registers is 1025, must be 0 to 1024", [](auto& a) { a.registers = 1025; }},
      {"tokens is 4194305, must be 1 to 65536",
       [](auto& a) { a.image_height = a.image_width = 8192; }},
      {"norm_eps must be in (0, 1)", [](auto& a) { a.norm_eps = 0; }},
      {"pooling 'class_token' without a class token", [](auto& a) { a.has_class_token = false; }},
      {"pooling 'class_and_distillation' without a class token",
       [](auto& a) {
         a.has_class_token = false;
         a.has_distillation_token = true;
         a.pooling = Pooling::class_and_distillation;
       }},
      {"pooling 'class_and_distillation' without a distillation token",
       [](auto& a) { a.pooling = Pooling::class_and_distillation; }},
      {"pooling 'class_and_average' without a class token",
       [](auto& a) {
         a.has_class_token = false;
         a.pooling = Pooling::class_and_average;
       }},
      {"pooling 'class_and_average' has its norm before the pooling",
       [](auto& a) {
         a.norm_after_pooling = true;
         a.pooling = Pooling::class_and_average;
       }},
  };
  for (const auto& impossible : cases) {
    const std::string reason = "model architecture: " + impossible.first;
    INFO(reason);
    CHECK_THROWS_WITH_AS(check_architecture(changed(impossible.second)), reason.c_str(), Error);
  }
  for (const auto& named : test::all_architectures()) check_architecture(named.architecture);
}

TEST_CASE("tensors of a model with all features, in order, with shapes") {
  Architecture a = changed([](Architecture& all) {
    all.depth = 1;
    all.has_distillation_token = all.embed_norm = all.qk_norm = all.layer_scale = true;
    all.registers = 2;
    all.pooling = Pooling::class_and_distillation;
  });
  using Shape = std::vector<std::int64_t>;
  const std::vector<std::pair<std::string, Shape>> expected = {
      {"embed.patch.weight", {24, 3, 4, 4}},
      {"embed.patch.bias", {24}},
      {"embed.prefix", {4, 24}},
      {"embed.position", {13, 24}},
      {"embed.norm.weight", {24}},
      {"embed.norm.bias", {24}},
      {"blocks.0.norm1.weight", {24}},
      {"blocks.0.norm1.bias", {24}},
      {"blocks.0.attn.qkv.weight", {72, 24}},
      {"blocks.0.attn.qkv.bias", {72}},
      {"blocks.0.attn.proj.weight", {24, 24}},
      {"blocks.0.attn.proj.bias", {24}},
      {"blocks.0.attn.q_norm.weight", {8}},
      {"blocks.0.attn.q_norm.bias", {8}},
      {"blocks.0.attn.k_norm.weight", {8}},
      {"blocks.0.attn.k_norm.bias", {8}},
      {"blocks.0.scale1", {24}},
      {"blocks.0.norm2.weight", {24}},
      {"blocks.0.norm2.bias", {24}},
      {"blocks.0.mlp.fc1.weight", {40, 24}},
      {"blocks.0.mlp.fc1.bias", {40}},
      {"blocks.0.mlp.fc2.weight", {24, 40}},
      {"blocks.0.mlp.fc2.bias", {24}},
      {"blocks.0.scale2", {24}},
      {"norm.weight", {24}},
      {"norm.bias", {24}},
      {"head.weight", {7, 24}},
      {"head.bias", {7}},
      {"head_distillation.weight", {7, 24}},
      {"head_distillation.bias", {7}}};
  const auto specs = tensor_specs(a);
  REQUIRE(specs.size() == expected.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    CHECK(specs[i].name == expected[i].first);
    CHECK(specs[i].shape == expected[i].second);
  }
  a.pooling = Pooling::class_and_average;
  CHECK(tensor_specs(a).back().name == "head_average.bias");
}

TEST_CASE("for every cut, the tensors of both ranges are those of the model") {
  for (const auto& named : test::all_architectures()) {
    INFO(named.name);
    const Architecture& a = named.architecture;
    for (int half = 1; half < a.half_blocks(); ++half) {
      auto both = names(tensor_specs(a, {0, half}));
      for (const auto& tensor : names(tensor_specs(a, {half, a.half_blocks()})))
        both.push_back(tensor);
      CHECK(both == names(tensor_specs(a)));
    }
  }
}

TEST_CASE("operations per image, with a second head") {
  // 10 tokens of 24 through qkv, proj and MLP, twice tokens x tokens for attention, 9 patches,
  // head.
  const double block = 10 * 24 * (4 * 24 + 2 * 40) + 2 * 10 * 10 * 24;
  const double one = 1e9 * gflops_per_image(test::plain_architecture());
  CHECK(one == doctest::Approx(2 * (3 * block + 9 * 24 * 3 * 16 + 24 * 7)).epsilon(1e-9));
  for (const Pooling pooling : {Pooling::class_and_average, Pooling::class_and_distillation}) {
    const Architecture a = changed([&](Architecture& two) { two.pooling = pooling; });
    CHECK(1e9 * gflops_per_image(a) - one == doctest::Approx(2 * 24 * 7).epsilon(1e-6));
  }
}

TEST_CASE("ranges: text and back, and invalid ones") {
  for (const StageRange range : {StageRange{0, 6}, StageRange{5, 12}, StageRange{3, 4}}) {
    const std::string text = range_text(range);
    CHECK(text.find("blocks ") == 0);
    CHECK(parse_range(text.substr(7)) == range);
  }
  CHECK(range_text({5, 12}) == "blocks 2.5-6");
  CHECK(parse_range("2.0-3") == StageRange{4, 6});
  for (const char* wrong : {"", "-", "3", "3-", "-3", "3-3", "4-3", "0-2.25", "0-2.", "a-b",
                            "0 - 2", "0-2x", "0-99999999999", "-1-3", "0--3", "0-1-2"}) {
    INFO(std::string(wrong));
    CHECK(!parse_range(wrong));
  }
}

TEST_CASE("an even split covers the model in order; more stages than half-blocks are an error") {
  const Architecture a = changed([](Architecture& deep) { deep.depth = 5; });
  for (int stages = 1; stages <= a.half_blocks(); ++stages) {
    const auto ranges = split_evenly(a, stages);
    REQUIRE(std::ssize(ranges) == stages);
    int next = 0;
    for (const StageRange range : ranges) {
      CHECK(range.begin == next);
      CHECK(range.end > range.begin);
      next = range.end;
    }
    CHECK(next == a.half_blocks());
  }
  CHECK_THROWS_AS(split_evenly(a, 11), Error);
  CHECK_THROWS_AS(split_evenly(a, 0), Error);
}
