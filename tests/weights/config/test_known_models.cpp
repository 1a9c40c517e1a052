// --like: what the names of published models stand for.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "ops/base/error.h"
#include "tests/support/texts.h"
#include "weights_tools/config/known_models.h"

using namespace quantring;
using namespace quantring::weights;
using test::contains;
using test::error_of;

TEST_CASE("a timm name, with and without its tag and its hub") {
  for (const char* const name : {"deit_tiny_patch16_224.fb_in1k", "deit_tiny_patch16_224",
                                 "timm/deit_tiny_patch16_224.fb_in1k"}) {
    CAPTURE(name);
    const ConfigFacts facts = facts_like(name);
    CHECK(facts.heads.value().value == 3);
    CHECK(facts.dim.value().value == 192);
    CHECK(facts.crop_pct.value() == 0.9);
    CHECK(facts.interpolation.value().value == Interpolation::bicubic);
    CHECK(facts.mean.value().value == std::vector<float>{0.485f, 0.456f, 0.406f});
    CHECK(contains(facts.mean->source, name));
    CHECK(is_imagenet_model(name));
  }
  CHECK(facts_like("vit_base_patch16_224").mean->value[0] == 0.5f);  // augreg2_in21k_ft_in1k
  CHECK_FALSE(is_imagenet_model("vit_base_patch16_224.augreg_in21k"));
  const ConfigFacts eva = facts_like("eva_large_patch14_336");
  CHECK(eva.heads.value().value == 16);
  CHECK(eva.pooling.value().value == Pooling::average);
  CHECK(eva.resize_mode.value().value == ResizeMode::squash);
}

TEST_CASE("torchvision's and Hugging Face's names") {
  CHECK(facts_like("vit_l_16").shorter == 242);
  CHECK(facts_like("vit_b_16_lc_swag").shorter == 224);
  const ConfigFacts swag = facts_like("vit_b_16.IMAGENET1K_SWAG_E2E_V1");
  CHECK(swag.crop.value() == ImageSize{384, 384});
  CHECK(swag.interpolation.value().value == Interpolation::bicubic);
  const ConfigFacts vit = facts_like("google/vit-base-patch16-384");
  CHECK(vit.resize_mode.value().value == ResizeMode::squash);
  CHECK(vit.crop.value() == ImageSize{384, 384});
  CHECK(vit.norm_eps.value().value == 1e-12f);
  CHECK(vit.interpolation.value().value == Interpolation::bilinear);
  const ConfigFacts deit = facts_like("deit-tiny-patch16-224");
  CHECK(deit.heads.value().value == 3);
  CHECK(deit.crop.value() == ImageSize{224, 224});
  CHECK(facts_like("facebook/dinov2-small-imagenet1k-1-layer").shorter == 256);
}

TEST_CASE("an unknown name is an option error with similar ones") {
  CHECK_THROWS_AS(facts_like("deit_tiny_patch16_226"), OptionError);
  CHECK(contains(error_of([] { facts_like("deit_tiny_patch16_226"); }),
                 "deit_tiny_patch16_224.fb_in1k"));
  CHECK(contains(error_of([] { facts_like("nothing"); }), "is expected"));
  for (const char* const name : {"deit_tiny_patch16_226", "nothing"})
    CHECK(contains(error_of([&] { facts_like(name); }), "without --like, config.json"));
}

TEST_CASE("files and folders that have the name of a published model") {
  const std::pair<const char*, const char*> names[] = {
      {"/x/deit_tiny_patch16_224-a1311bcf.pth", "deit_tiny_patch16_224"},
      {"/x/deit_tiny_patch16_224.fb_in1k.safetensors", "deit_tiny_patch16_224.fb_in1k"},
      {"/x/vit_b_16-c867db91.pth", "vit_b_16"},
      {"/x/vit_b_16_swag-9ac1b537.pth", "vit_b_16_swag"},
      {"/x/deit_tiny_patch16_224.fb_in1k/model.safetensors", "deit_tiny_patch16_224.fb_in1k"},
      {"/x/models--google--vit-base-patch16-224/snapshots/3f49/model.safetensors",
       "vit-base-patch16-224"}};
  for (const auto& [path, name] : names) {
    CAPTURE(path);
    CHECK(known_name(path).value_or("") == name);
  }
  CHECK_FALSE(known_name("/x/mine.pth"));
}
