#pragma once
// Reads the JSON files beside a checkpoint into one struct: timm's config.json (of the hub, or
// plain constructor arguments), Hugging Face's config.json and preprocessor_config.json.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/image/preprocess.h"
#include "engine/model/architecture.h"
#include "weights_tools/base/findings.h"

namespace quantring::weights {

struct ImageSize {
  int height = 0, width = 0;
  bool operator==(const ImageSize&) const = default;
};

using ClassNames = std::map<std::size_t, std::string>;  // by class

// A field is set only if a file has it. Sources name the file and the key: "config.json:
// num_attention_heads".
struct ConfigFacts {
  std::optional<Fact<std::string>> model_type;    // Hugging Face: "vit", "deit", "dinov2", ...
  std::optional<Fact<std::string>> architecture;  // timm: "vit_base_patch16_224"
  // The tensors have these too: they show whether the config belongs to the checkpoint. The source
  // is the key, or the model name that implies the value.
  std::optional<Fact<int>> dim, depth, mlp_dim;
  std::optional<Fact<int>> heads;
  std::optional<Fact<float>> norm_eps;
  std::optional<Fact<Activation>> activation;
  std::optional<Fact<ImageSize>> image_size;  // that the checkpoint was made for
  std::optional<Fact<Pooling>> pooling;       // timm: global_pool token, avg

  // Preprocessing. With resize_mode come its parameters: `shorter` or crop_pct for shorter;
  // squash_to or crop_pct for squash_crop. crop_pct is the image's side divided by the resize's.
  std::optional<Fact<ResizeMode>> resize_mode;
  std::optional<int> shorter;          // pixels
  std::optional<ImageSize> squash_to;  // pixels
  std::optional<double> crop_pct;      // 0..1
  std::optional<ImageSize> crop;       // the final size that shorter and squash_to refer to
  std::optional<Fact<CropRounding>> crop_rounding;
  std::optional<Fact<Interpolation>> interpolation;
  std::optional<Fact<std::vector<float>>> mean, std;  // one value counts for all channels

  // Settings of a file that QuantRing cannot run, with file and key. A flag overrides them.
  std::string resize_unusable, interpolation_unusable, pixels_unusable;

  // Hugging Face's problem_type: several classes may apply to a picture.
  std::optional<Fact<bool>> independent_classes;
  bool regression = false;  // problem_type is that

  std::optional<Fact<std::vector<std::string>>> labels;  // not placeholders such as LABEL_7
  // Instead, where the file does not number them 0 to n-1.
  std::optional<Fact<ClassNames>> numbered_labels;
  std::optional<Fact<std::string>> labels_unusable;  // why the labels of a file are not used
};

// transformers' DINOv2, with or without registers.
inline bool is_dinov2(const ConfigFacts& facts) {
  return facts.model_type && facts.model_type->value.rfind("dinov2", 0) == 0;
}

// The contents of config.json and preprocessor_config.json; either may be empty. Throws Error
// naming the file and the key if a value is malformed or cannot be run (an activation other than
// GELU, "model_type": "swin").
ConfigFacts read_config(const std::string& config_json, const std::string& preprocessor_json);

// Reads the files beside `checkpoint`: NAME.config.json or config.json (or `config`, if not empty),
// and preprocessor_config.json. Sources name the files that were read.
ConfigFacts read_config_beside(const std::filesystem::path& checkpoint,
                               const std::filesystem::path& config);

}  // namespace quantring::weights
