// From names and shapes to an architecture and recipes: what is inferred, and what is refused.

#include "weights_tools/naming/plan.h"

#include <doctest/doctest.h>

#include <numeric>

#include "ops/error.h"
#include "tests/weights/named_tensors.h"

using namespace quantring;
using namespace quantring::weights;
using namespace test;

namespace {

// Values 0, 1, 2, ... in every tensor.
class Counting : public Checkpoint {
 public:
  explicit Counting(const TensorInfos& tensors) { tensors_ = tensors; }
  std::string format() const override { return "test"; }
  std::vector<float> read(const std::string& name) const override {
    std::size_t size = 1;
    for (const auto side : tensors_.at(name).shape) size *= static_cast<std::size_t>(side);
    std::vector<float> values(size);
    std::iota(values.begin(), values.end(), 0.0f);
    return values;
  }
};

ConvertHints some_hints() {
  ConvertHints hints;
  hints.heads = 3;
  hints.norm_eps = 1e-5f;
  hints.resize = "none";
  hints.mean = {0.5f, 0.5f, 0.5f};
  hints.std = {0.5f, 0.5f, 0.5f};
  return hints;
}

std::string message_of(const TensorInfos& tensors, const ConvertHints& hints = some_hints(),
                       const ConfigFacts& config = {}) {
  try {
    plan_conversion(tensors, config, hints);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string found(const ConversionPlan& plan, const std::string& what) {
  for (const Finding& finding : plan.findings) {
    if (finding.what == what) return finding.value + " (" + finding.source + ")";
  }
  return "";
}

// Every tensor of the model has a recipe of just its size, and it can be cooked.
void check_recipes(const ConversionPlan& plan, const TensorInfos& tensors) {
  const Counting checkpoint(tensors);
  const auto specs = tensor_specs(plan.architecture);
  CHECK(plan.recipes.size() == specs.size());
  for (const TensorSpec& spec : specs) {
    CAPTURE(spec.name);
    std::size_t size = 1;
    for (const auto side : spec.shape) size *= static_cast<std::size_t>(side);
    REQUIRE(plan.recipes.count(spec.name) == 1);
    CHECK(cook(plan.recipes.at(spec.name), checkpoint).size() == size);
  }
}

ConversionPlan sound_plan(const TensorInfos& tensors, const ConvertHints& hints = some_hints(),
                          const ConfigFacts& config = {}) {
  ConversionPlan plan = plan_conversion(tensors, config, hints);
  check_recipes(plan, tensors);
  return plan;
}

std::vector<float> cooked(const ConversionPlan& plan, const TensorInfos& tensors,
                          const std::string& name) {
  return cook(plan.recipes.at(name), Counting(tensors));
}

void remove(TensorInfos& tensors, const std::string& ending) {
  for (auto it = tensors.begin(); it != tensors.end();) {
    it = it->first.ends_with(ending) ? tensors.erase(it) : std::next(it);
  }
}

}  // namespace

TEST_CASE("the same small model in every naming") {
  std::vector<TensorInfos> all = {timm_tensors()};
  for (const bool flag : {true, false}) {
    all.push_back(hugging_face_tensors("vit.", flag));
    all.push_back(hugging_face_tensors("", flag));
    all.push_back(torchvision_tensors(flag));
    all.push_back(google_tensors("", flag));
    all.push_back(google_tensors("params/", flag));
  }
  for (const TensorInfos& tensors : all) {
    const ConversionPlan plan = sound_plan(tensors);
    CAPTURE(found(plan, "naming"));
    Architecture expected;
    expected.image_height = expected.image_width = 8;
    expected.patch_height = expected.patch_width = 2;
    expected.channels = 3;
    expected.dim = 12;
    expected.depth = 2;
    expected.heads = 3;
    expected.mlp_dim = 20;
    expected.classes = 5;
    expected.norm_eps = 1e-5f;
    CHECK(plan.architecture == expected);
    CHECK(contains(found(plan, "heads"), "3 of 4 (--heads)"));
    CHECK(contains(found(plan, "model"), "tensor shapes"));
  }
}

TEST_CASE("layouts, halves and stacks come out in order") {
  const TensorInfos google = google_tensors("", false);
  const ConversionPlan flax = sound_plan(google);
  // Row 0 of q: column 0 of a [12, 12] kernel. Row 12 is k's first, again from its own tensor.
  const auto qkv = cooked(flax, google, "blocks.0.attn.qkv.weight");
  for (const std::size_t row : {0u, 12u, 24u}) {
    CHECK(qkv[12 * row] == 0);
    CHECK(qkv[12 * row + 1] == 12);
    CHECK(qkv[12 * (row + 1)] == 1);
  }
  // [h, w, in, out] = [2, 2, 3, 12] to [out, in, h, w].
  const auto patch = cooked(flax, google, "embed.patch.weight");
  CHECK(patch[0] == 0);
  CHECK(patch[1] == 36);  // one to the right
  CHECK(patch[2] == 72);  // one down
  CHECK(patch[4] == 12);  // the next channel
  CHECK(patch[12] == 1);  // the next output

  const TensorInfos dino = hugging_face_tensors("dinov2.", true);
  const ConversionPlan both = sound_plan(dino);
  CHECK(both.architecture.pooling == Pooling::class_and_average);
  CHECK(both.architecture.layer_scale);
  CHECK(cooked(both, dino, "head.weight")[12] == 24);  // the second row of 24
  CHECK(cooked(both, dino, "head_average.weight")[0] == 12);
  CHECK(cooked(both, dino, "head.bias")[4] == 4);
  CHECK(cooked(both, dino, "head_average.bias")[4] == 0);
}

TEST_CASE("prefix tokens, and which of them have positions") {
  TensorInfos tensors = timm_tensors(22);
  add(tensors, "reg_token", {1, 5, 12});
  ConversionPlan plan = sound_plan(tensors);
  CHECK(plan.architecture.registers == 5);
  CHECK(contains(found(plan, "positions"), "every token, 4x4"));

  tensors["pos_embed"].shape = {1, 16, 12};  // timm's no_embed_class
  plan = sound_plan(tensors);
  CHECK(contains(found(plan, "positions"), "the patches only, 4x4"));
  const auto position = cooked(plan, tensors, "embed.position");
  CHECK(position[0] == 0);
  CHECK(position[6 * 12 - 1] == 0);
  CHECK(position[6 * 12 + 1] == 1);

  // With four registers and a class token, 9 rows are 3x3 patches or 2x2 behind the five tokens.
  tensors["reg_token"].shape = {1, 4, 12};
  tensors["pos_embed"].shape = {1, 9, 12};
  const std::string message = message_of(tensors);
  CHECK(contains(message, "--image-size"));
  CHECK(contains(message, "2x2"));
  CHECK(contains(message, "3x3"));
  auto hints = some_hints();
  hints.image_size = ImageSize{4, 4};
  CHECK(contains(found(sound_plan(tensors, hints), "positions"), "every token, 2x2"));
  ConfigFacts config;
  config.image_size = {ImageSize{6, 6}, "config.json: img_size"};
  plan = sound_plan(tensors, some_hints(), config);
  CHECK(contains(found(plan, "positions"), "the patches only, 3x3"));
  CHECK(contains(found(plan, "image"), "6x6 (config.json: img_size)"));

  // Hugging Face's registers have no positions, the class token has.
  TensorInfos dino = hugging_face_tensors("dinov2_with_registers.", false);
  add(dino, "dinov2_with_registers.embeddings.register_tokens", {1, 4, 12});
  plan = sound_plan(dino);
  CHECK(plan.architecture.prefix_tokens() == 5);
  const auto rows = cooked(plan, dino, "embed.position");
  CHECK(rows[1] == 1);        // the class token's
  CHECK(rows[12 + 1] == 0);   // a register's
  CHECK(rows[5 * 12] == 12);  // the first patch's: row 1 of the table
}

TEST_CASE("another image size resizes the positions") {
  const TensorInfos tensors = timm_tensors();
  auto hints = some_hints();
  hints.image_size = ImageSize{12, 10};
  const ConversionPlan plan = sound_plan(tensors, hints);
  CHECK(plan.architecture.image_height == 12);
  CHECK(plan.architecture.image_width == 10);
  CHECK(plan.architecture.tokens() == 31);
  CHECK(contains(found(plan, "positions resized"), "4x4 -> 6x5"));
  CHECK(cooked(plan, tensors, "embed.position")[3] == 3);  // the class token's stays
  hints.image_size = ImageSize{9, 8};
  CHECK(contains(message_of(tensors, hints), "--image-size: 9x8"));
  hints.image_size = ImageSize{0, -2};
  CHECK(contains(message_of(tensors, hints), "--image-size"));

  ConfigFacts config;
  config.image_size = {ImageSize{10, 10}, "config.json: image_size"};
  CHECK(contains(message_of(tensors, some_hints(), config), "config.json: image_size says"));
  // Not square: only an image size tells.
  const TensorInfos oblong = timm_tensors(7);
  CHECK(contains(message_of(oblong), "--image-size HEIGHTxWIDTH"));
  hints.image_size = ImageSize{4, 6};
  CHECK(contains(found(sound_plan(oblong, hints), "positions"), "2x3"));
}

TEST_CASE("heads, eps, activation and pooling: flags before files before names") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.heads = {4, "config.json: num_heads"};
  config.norm_eps = {1e-4f, "config.json: eps"};
  config.activation = {Activation::gelu_tanh, "config.json: act"};
  config.pooling = {Pooling::average, "config.json: global_pool"};
  ConvertHints hints = some_hints();
  hints.heads.reset();
  hints.norm_eps.reset();
  ConversionPlan plan = sound_plan(tensors, hints, config);
  CHECK(plan.architecture.heads == 4);
  CHECK(plan.architecture.norm_eps == 1e-4f);
  CHECK(plan.architecture.activation == Activation::gelu_tanh);
  CHECK(plan.architecture.pooling == Pooling::average);
  CHECK_FALSE(plan.architecture.norm_after_pooling);
  CHECK(contains(found(plan, "pooling"), "config.json: global_pool"));
  hints = some_hints();
  hints.activation = "gelu_quick";
  hints.pooling = "class_token";
  plan = sound_plan(tensors, hints, config);
  CHECK(plan.architecture.heads == 3);
  CHECK(plan.architecture.norm_eps == 1e-5f);
  CHECK(plan.architecture.activation == Activation::gelu_quick);
  CHECK(plan.architecture.pooling == Pooling::class_token);

  hints.heads.reset();
  CHECK(contains(message_of(tensors, hints), "--heads"));
  hints.heads = 5;
  CHECK(contains(message_of(tensors, hints), "--heads: 5 heads do not divide dim 12"));
  hints = some_hints();
  hints.activation = "relu";
  CHECK(contains(message_of(tensors, hints), "--activation relu"));
  hints = some_hints();
  hints.pooling = "max";
  CHECK(contains(message_of(tensors, hints), "--pooling max"));
  hints = some_hints();
  hints.norm_eps.reset();
  CHECK(contains(message_of(hugging_face_tensors("vit.", true), hints), "--norm-eps"));
  TensorInfos clip = timm_tensors();
  add_layer(clip, "norm_pre", {12});
  CHECK(contains(message_of(clip, hints), "--norm-eps"));
  CHECK(contains(message_of(clip, hints), "--activation"));
  CHECK(contains(message_of(clip), "--activation"));

  // Two heads leave no choice.
  TensorInfos distilled = timm_tensors(18);
  add(distilled, "dist_token", {1, 1, 12});
  add_layer(distilled, "head_dist", {5, 12});
  CHECK(sound_plan(distilled, some_hints(), config).architecture.pooling ==
        Pooling::class_and_distillation);
  hints = some_hints();
  hints.pooling = "average";
  CHECK(contains(message_of(distilled, hints), "--pooling average"));
}

TEST_CASE("what neither files nor flags say is asked for at once") {
  TensorInfos clip = timm_tensors();
  add_layer(clip, "norm_pre", {12});
  const std::string all = message_of(clip, {});
  CHECK(contains(all, "6 things"));
  for (const char* flag : {"--heads N", "--norm-eps E", "--activation", "--resize SIDE",
                           "--interpolation", "--mean"}) {
    CAPTURE(flag);
    CHECK(contains(all, flag));
  }
  ConvertHints hints = some_hints();
  hints.heads.reset();
  const std::string one = message_of(timm_tensors(), hints);
  CHECK(contains(one, "--heads N"));
  CHECK(!contains(one, "\n"));
}

TEST_CASE("DINOv2 runs the size that its pictures come in, and resizes positions as transformers") {
  ConvertHints hints = some_hints();
  ConfigFacts config;
  config.crop = ImageSize{24, 24};
  config.resize_mode = {ResizeMode::squash, "preprocessor_config.json: crop_size"};
  const auto resize_of = [&](const TensorInfos& tensors) {
    const auto plan = sound_plan(tensors, hints, config);
    CHECK(plan.architecture.image_height == 24);
    const auto& resize = plan.recipes.at("embed.position").back().resample;
    REQUIRE(resize.has_value());
    return resize->how;
  };
  CHECK(resize_of(hugging_face_tensors("dinov2.", true)) == Resampling::plain);
  TensorInfos registers = hugging_face_tensors("dinov2_with_registers.", false);
  add(registers, "dinov2_with_registers.embeddings.register_tokens", {1, 4, 12});
  CHECK(resize_of(registers) == Resampling::antialiased);
  // Other models take pictures of the size that they were made for.
  CHECK(sound_plan(hugging_face_tensors("vit.", true), hints, config).architecture.image_height ==
        8);
}

TEST_CASE("heads that shapes tell") {
  ConvertHints hints = some_hints();
  hints.heads.reset();
  CHECK(sound_plan(google_tensors("", false), hints).architecture.heads == 3);
  hints.heads = 4;  // the kernels say 3
  CHECK(contains(message_of(google_tensors("", false), hints), "query/"));
  TensorInfos normed = timm_tensors();
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    add_layer(normed, std::string(block) + "attn.q_norm", {6});
    add_layer(normed, std::string(block) + "attn.k_norm", {6});
  }
  hints.heads.reset();
  const ConversionPlan plan = sound_plan(normed, hints);
  CHECK(plan.architecture.heads == 2);
  CHECK(plan.architecture.qk_norm);
}

TEST_CASE("biases that are not there are zeros, if they are nowhere") {
  TensorInfos tensors = timm_tensors();
  remove(tensors, "attn.qkv.bias");
  const ConversionPlan plan = sound_plan(tensors);
  CHECK(contains(found(plan, "attn.qkv bias"), "zeros"));
  CHECK(cooked(plan, tensors, "blocks.1.attn.qkv.bias") == std::vector<float>(36, 0.0f));
  tensors = timm_tensors();
  remove(tensors, "blocks.1.attn.qkv.bias");
  CHECK(contains(message_of(tensors), "'blocks.1.attn.qkv.bias' is missing"));

  TensorInfos no_key = hugging_face_tensors("vit.", true);
  remove(no_key, "key.bias");
  const ConversionPlan stacked = sound_plan(no_key);
  const auto bias = cooked(stacked, no_key, "blocks.0.attn.qkv.bias");
  CHECK(bias[11] == 11);
  CHECK(bias[13] == 0);
  CHECK(bias[25] == 1);
  CHECK(contains(found(stacked, "attn.k bias"), "zeros"));

  tensors = timm_tensors();
  remove(tensors, "blocks.1.norm2.bias");
  CHECK(contains(message_of(tensors), "RMSNorm"));
}

TEST_CASE("missing, left over, wrong") {
  for (const auto& entry : timm_tensors()) {
    const std::string name = entry.first;
    if (name == "cls_token") continue;  // without it the model averages
    const bool bias = name.ends_with(".bias");
    CAPTURE(name);
    TensorInfos tensors = timm_tensors();
    tensors.erase(name);
    const bool optional = bias && (name.rfind("patch", 0) == 0 || name.rfind("head", 0) == 0);
    CHECK(message_of(tensors).empty() == optional);

    tensors = timm_tensors();
    tensors[name].shape.back() += 1;
    // Wider patches are a model too, of wider pictures.
    CHECK((name == "patch_embed.proj.weight" || contains(message_of(tensors), "shape")));
    tensors[name].shape = {};
    CHECK_FALSE(message_of(tensors).empty());
    tensors = timm_tensors();
    tensors[name].dtype = "I8";
    const std::string message = message_of(tensors);
    CHECK(contains(message, name));
    CHECK(contains(message, "I8"));
  }
  TensorInfos tensors = torchvision_tensors(false);
  tensors.erase("encoder.layers.encoder_layer_1.ln_2.weight");
  CHECK(contains(message_of(tensors), "'encoder.layers.encoder_layer_1.ln_2.weight' is missing"));
  tensors = timm_tensors();
  add(tensors, "blocks.4.norm1.weight", {12});
  CHECK(contains(message_of(tensors), "block 2 is missing"));
  tensors = timm_tensors();
  add(tensors, "blocks.1.ls1.gamma", {12});  // block 0 has none
  CHECK(contains(message_of(tensors), "blocks.1.ls1.gamma"));
  tensors = timm_tensors();
  add_layer(tensors, "fc_norm", {12});  // beside norm
  CHECK(contains(message_of(tensors), "norm.bias"));
  tensors = timm_tensors();
  tensors.erase("norm.weight");
  tensors.erase("norm.bias");
  CHECK(contains(message_of(tensors), "no layernorm after its blocks"));
  tensors = timm_tensors();
  tensors["patch_embed.proj.weight"].shape = {12, 3, 1000000000, 1000000000};
  CHECK(contains(message_of(tensors), "patches of"));  // before a side overflows
  tensors = timm_tensors();
  tensors.erase("pos_embed");
  CHECK(contains(message_of(tensors), "RoPE"));
  tensors = timm_tensors();
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    tensors[std::string(block) + "mlp.fc1.weight"].shape = {40, 12};
    tensors[std::string(block) + "mlp.fc1.bias"].shape = {40};
  }
  CHECK(contains(message_of(tensors), "gated MLP"));
}

TEST_CASE("labels of a config count, or are left out aloud") {
  const TensorInfos tensors = timm_tensors();
  ConfigFacts config;
  config.labels = {{"a", "b", "c", "d", "e"}, "config.json: id2label"};
  ConversionPlan plan = sound_plan(tensors, some_hints(), config);
  CHECK(plan.labels.size() == 5);
  config.labels->value.pop_back();
  plan = sound_plan(tensors, some_hints(), config);
  CHECK(plan.labels.empty());
  CHECK(contains(found(plan, "labels"), "4 names for 5 classes"));
}
