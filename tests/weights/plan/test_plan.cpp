// From names and shapes to an architecture and recipes, and the errors.

#include <doctest/doctest.h>

#include "tests/weights/plan/plan_cases.h"

using namespace quantring;
using namespace quantring::weights;
using namespace quantring::test;

namespace {

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
    const ConversionPlan plan = checked_plan(tensors);
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

TEST_CASE("layouts, split and stacked tensors") {
  const TensorInfos google = google_tensors("", false);
  const ConversionPlan flax = checked_plan(google);
  // Row 0 of q: column 0 of a [12, 12] kernel. Row 12 is k's first, again from its own tensor.
  const auto qkv = assembled(flax, google, "blocks.0.attn.qkv.weight");
  for (const std::size_t row : {0u, 12u, 24u}) {
    CHECK(qkv[12 * row] == 0);
    CHECK(qkv[12 * row + 1] == 12);
    CHECK(qkv[12 * (row + 1)] == 1);
  }
  // [h, w, in, out] = [2, 2, 3, 12] to [out, in, h, w].
  const auto patch = assembled(flax, google, "embed.patch.weight");
  CHECK(patch[0] == 0);
  CHECK(patch[1] == 36);  // one to the right
  CHECK(patch[2] == 72);  // one down
  CHECK(patch[4] == 12);  // the next channel
  CHECK(patch[12] == 1);  // the next output

  const TensorInfos dino = hugging_face_tensors("dinov2.", true);
  const ConversionPlan both = checked_plan(dino);
  CHECK(both.architecture.pooling == Pooling::class_and_average);
  CHECK(both.architecture.layer_scale);
  CHECK(assembled(both, dino, "head.weight")[12] == 24);  // the second row of 24
  CHECK(assembled(both, dino, "head_average.weight")[0] == 12);
  CHECK(assembled(both, dino, "head.bias")[4] == 4);
  CHECK(assembled(both, dino, "head_average.bias")[4] == 0);
}

TEST_CASE("prefix tokens with and without positions") {
  TensorInfos tensors = timm_tensors(22);
  add(tensors, "reg_token", {1, 5, 12});
  ConversionPlan plan = checked_plan(tensors);
  CHECK(plan.architecture.registers == 5);
  CHECK(contains(found(plan, "positions"), "every token, 4x4"));

  tensors["pos_embed"].shape = {1, 16, 12};  // timm's no_embed_class
  plan = checked_plan(tensors);
  CHECK(contains(found(plan, "positions"), "the patches only, 4x4"));
  const auto position = assembled(plan, tensors, "embed.position");
  CHECK(position[0] == 0);
  CHECK(position[6 * 12 - 1] == 0);
  CHECK(position[6 * 12 + 1] == 1);

  // With four registers and a class token, 9 rows are 3x3 patches or 2x2 behind the five tokens.
  tensors["reg_token"].shape = {1, 4, 12};
  tensors["pos_embed"].shape = {1, 9, 12};
  const std::string message = plan_error(tensors);
  CHECK(contains(message, "--image-size"));
  CHECK(contains(message, "2x2"));
  CHECK(contains(message, "3x3"));
  auto hints = some_hints();
  hints.image_size = ImageSize{4, 4};
  CHECK(contains(found(checked_plan(tensors, hints), "positions"), "every token, 2x2"));
  ConfigFacts config;
  config.image_size = {ImageSize{6, 6}, "config.json: img_size"};
  plan = checked_plan(tensors, some_hints(), config);
  CHECK(contains(found(plan, "positions"), "the patches only, 3x3"));
  CHECK(contains(found(plan, "image"), "6x6 (config.json: img_size)"));

  // Hugging Face's registers have no positions, the class token has.
  TensorInfos dino = hugging_face_tensors("dinov2_with_registers.", false);
  add(dino, "dinov2_with_registers.embeddings.register_tokens", {1, 4, 12});
  plan = checked_plan(dino);
  CHECK(plan.architecture.prefix_tokens() == 5);
  const auto rows = assembled(plan, dino, "embed.position");
  CHECK(rows[1] == 1);        // the class token's
  CHECK(rows[12 + 1] == 0);   // a register's
  CHECK(rows[5 * 12] == 12);  // the first patch's: row 1 of the table
}

TEST_CASE("missing biases are zeros, if all blocks lack them") {
  TensorInfos tensors = timm_tensors();
  remove(tensors, "attn.qkv.bias");
  // Without the architecture's name it could be one with norms behind each half.
  CHECK(contains(plan_error(tensors), "rpn"));
  ConfigFacts named;
  named.architecture = {"vit_tiny", "config.json: architecture"};
  const ConversionPlan plan = checked_plan(tensors, some_hints(), named);
  CHECK(contains(found(plan, "attn.qkv bias"), "zeros"));
  CHECK(assembled(plan, tensors, "blocks.1.attn.qkv.bias") == std::vector<float>(36, 0.0f));
  tensors = timm_tensors();
  remove(tensors, "blocks.1.attn.qkv.bias");
  CHECK(contains(plan_error(tensors), "'blocks.1.attn.qkv.bias' is missing"));

  TensorInfos no_key = hugging_face_tensors("vit.", true);
  remove(no_key, "key.bias");
  const ConversionPlan stacked = checked_plan(no_key);
  const auto bias = assembled(stacked, no_key, "blocks.0.attn.qkv.bias");
  CHECK(bias[11] == 11);
  CHECK(bias[13] == 0);
  CHECK(bias[25] == 1);
  CHECK(contains(found(stacked, "attn.k bias"), "zeros"));

  tensors = timm_tensors();
  remove(tensors, "blocks.1.norm2.bias");
  CHECK(contains(plan_error(tensors), "RMSNorm"));
}

TEST_CASE("tensors that are missing, unexpected or wrong") {
  for (const auto& entry : timm_tensors()) {
    const std::string name = entry.first;
    if (name == "cls_token") continue;  // without it the model has average pooling
    const bool bias = name.ends_with(".bias");
    CAPTURE(name);
    TensorInfos tensors = timm_tensors();
    tensors.erase(name);
    const bool optional = bias && (name.rfind("patch", 0) == 0 || name.rfind("head", 0) == 0);
    CHECK((plan_error(tensors) == no_error) == optional);

    tensors = timm_tensors();
    tensors[name].shape.back() += 1;
    // Wider patches are a valid model with wider images.
    CHECK((name == "patch_embed.proj.weight" || contains(plan_error(tensors), "shape")));
    tensors[name].shape = {};
    CHECK_FALSE((plan_error(tensors) == no_error));
    tensors = timm_tensors();
    tensors[name].dtype = "I8";
    const std::string message = plan_error(tensors);
    CHECK(contains(message, name));
    CHECK(contains(message, "I8"));
  }
  TensorInfos tensors = torchvision_tensors(false);
  tensors.erase("encoder.layers.encoder_layer_1.ln_2.weight");
  CHECK(contains(plan_error(tensors), "'encoder.layers.encoder_layer_1.ln_2.weight' is missing"));
  tensors = timm_tensors();
  add(tensors, "blocks.4.norm1.weight", {12});
  CHECK(contains(plan_error(tensors), "block 2 is missing"));
  tensors = timm_tensors();
  add(tensors, "blocks.1.ls1.gamma", {12});  // block 0 has none
  CHECK(contains(plan_error(tensors), "blocks.1.ls1.gamma"));
  tensors = timm_tensors();
  add_layer(tensors, "fc_norm", {12});  // beside norm
  CHECK(contains(plan_error(tensors), "norm.bias"));
  tensors = timm_tensors();
  tensors.erase("norm.weight");
  tensors.erase("norm.bias");
  CHECK(contains(plan_error(tensors), "no layernorm after its blocks"));
  tensors = timm_tensors();
  tensors["patch_embed.proj.weight"].shape = {12, 3, 1000000000, 1000000000};
  CHECK(contains(plan_error(tensors), "patches of"));  // before a side overflows
  tensors = timm_tensors();
  tensors.erase("pos_embed");
  CHECK(contains(plan_error(tensors), "RoPE"));
  tensors = timm_tensors();
  for (const char* block : {"blocks.0.", "blocks.1."}) {
    tensors[std::string(block) + "mlp.fc1.weight"].shape = {40, 12};
    tensors[std::string(block) + "mlp.fc1.bias"].shape = {40};
  }
  CHECK(contains(plan_error(tensors), "gated MLP"));
}
