#pragma once
// The kinds of config files, each read into the facts that it has. For config.cpp only.

#include <optional>
#include <string>

#include "weights_tools/config/config.h"
#include "weights_tools/config/config_json.h"

namespace quantring::weights {

void read_timm_config(const JsonObject& root, ConfigFacts& facts);
void read_hugging_face_config(const JsonObject& root, ConfigFacts& facts);
// After the config: what the file leaves out is the default of the image processor's class, which
// an old file does not name; the model type then does.
void read_image_processor(const JsonObject& root, ConfigFacts& facts);

// What timm 1.0.31 builds for a name, where that is a plain ViT or DeiT; nothing for other names.
// A tag (".augreg_in21k") is ignored.
struct TimmModel {
  int heads;
  int dim;
  float norm_eps;
  Activation activation;
  Pooling pooling;
};
std::optional<TimmModel> plain_timm_model(const std::string& name);

// What a model of timm has that cannot be run and that its tensors do not always show; empty:
// nothing known.
std::string unsupported_timm_part(const std::string& name);

}  // namespace quantring::weights
