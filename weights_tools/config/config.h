#pragma once
// What the JSON files beside a checkpoint say, in one vocabulary: timm's config.json (of the hub,
// or plain constructor arguments), Hugging Face's config.json and preprocessor_config.json.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/architecture.h"
#include "engine/image/preprocess.h"
#include "weights_tools/inspect/findings.h"

namespace quantring::weights {

struct ImageSize {
  int height = 0, width = 0;
  bool operator==(const ImageSize&) const = default;
};

// Every field is there only if a file said it. Sources name the file and the key: "config.json:
// num_attention_heads".
struct ConfigFacts {
  std::optional<Fact<std::string>> model_type;    // Hugging Face: "vit", "deit", "dinov2", ...
  std::optional<Fact<std::string>> architecture;  // timm: "vit_base_patch16_224"
  // Of the tensors themselves: they tell another model's config from this one's. In the source
  // there is the key, or the name that implies the value.
  std::optional<Fact<int>> dim, depth, mlp_dim;
  std::optional<Fact<int>> heads;
  std::optional<Fact<float>> norm_eps;
  std::optional<Fact<Activation>> activation;
  std::optional<Fact<ImageSize>> image_size;  // that the checkpoint was made for
  std::optional<Fact<Pooling>> pooling;       // timm: global_pool token, avg

  // Preprocessing. Beside resize_mode there is what it needs: for shorter, `shorter` or crop_pct;
  // for squash_crop, squash_to or crop_pct. crop_pct is the image's side divided by the resize's.
  std::optional<Fact<ResizeMode>> resize_mode;
  std::optional<int> shorter;          // pixels
  std::optional<ImageSize> squash_to;  // pixels
  std::optional<double> crop_pct;      // 0..1
  std::optional<ImageSize> crop;       // the final size for which shorter, squash_to are meant
  std::optional<Fact<CropRounding>> crop_rounding;
  std::optional<Fact<Interpolation>> interpolation;
  std::optional<Fact<std::vector<float>>> mean, std;  // one value stands for all channels

  // What a file says about these that cannot be run, naming file and key. A flag goes before it.
  std::string resize_unusable, interpolation_unusable, pixels_unusable;

  std::optional<Fact<std::vector<std::string>>> labels;  // not placeholders such as LABEL_7
  std::optional<Fact<std::string>> labels_unusable;  // why there are none though a file has some
};

// transformers' DINOv2, with or without registers.
inline bool is_dinov2(const ConfigFacts& facts) {
  return facts.model_type && facts.model_type->value.rfind("dinov2", 0) == 0;
}

// The texts of config.json and preprocessor_config.json; either may be empty. Throws Error naming
// the file and the key when a value is malformed, or says something that cannot be run (an
// activation that is no GELU, "model_type": "swin").
ConfigFacts read_config(const std::string& config_json, const std::string& preprocessor_json);

// The same for the files beside `checkpoint`: NAME.config.json or config.json, and
// preprocessor_config.json; `config`, if not empty, instead of the first. Every source names the
// file really read.
ConfigFacts read_config_beside(const std::filesystem::path& checkpoint,
                               const std::filesystem::path& config);

}  // namespace quantring::weights
