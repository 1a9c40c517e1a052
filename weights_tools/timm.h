#pragma once
// Checkpoints in the naming of timm's VisionTransformer (and of DeiT's own files, which share it).

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/architecture.h"
#include "engine/preprocess.h"
#include "engine/safetensors.h"

namespace quantring::weights {

// What the user said; everything unset must be in the file, its shapes or the config beside it.
struct ConvertHints {
  std::optional<int> heads;
  std::optional<int> image_size;
  std::optional<std::string> activation;     // "gelu", "gelu_tanh"
  std::optional<std::string> resize;         // "none", "squash", or the shorter side in pixels
  std::optional<std::string> interpolation;  // "bicubic", "bilinear"
  std::vector<float> mean, std;
};

// One fact and where it came from: what `convert` prints.
struct Finding {
  std::string what, value, source;
};

struct TimmModel {
  Architecture architecture;
  PreprocessConfig preprocess;
  std::map<std::string, std::string> source_names;  // canonical tensor -> tensor in the checkpoint
  std::vector<Finding> findings;
};

// config_json: the text of the config.json beside the checkpoint, or empty. Throws Error naming the
// tensor or the flag when the checkpoint has parts that are not supported, or lacks something.
TimmModel read_timm(const std::map<std::string, StoredTensor>& tensors,
                    const std::string& config_json, const ConvertHints& hints);

}  // namespace quantring::weights
