#pragma once
// One reader for each kind of config file. For config.cpp only.

#include <optional>
#include <string>

#include "weights_tools/config/config.h"
#include "weights_tools/config/config_json.h"

namespace quantring::weights {

void read_timm_config(const JsonObject& root, ConfigFacts& facts);
void read_hugging_face_config(const JsonObject& root, ConfigFacts& facts);
// To be called after the config's reader: missing keys have the default of the image processor's
// class, which old files do not name; the model type then tells it.
void read_image_processor(const JsonObject& root, ConfigFacts& facts);

// Sets facts.labels, or numbered_labels if the classes are not 0 to n-1.
void set_labels(const Fact<ClassNames>& names, ConfigFacts& facts);

// The model that timm 1.0.31 builds for a name, if it is a plain ViT or DeiT; nothing for other
// names. A tag (".augreg_in21k") is ignored.
struct TimmModel {
  int heads;
  int dim;
  float norm_eps;
  Activation activation;
  Pooling pooling;
};
std::optional<TimmModel> plain_timm_model(const std::string& name);

// The unsupported part of a timm model that its tensors do not always show; empty if none is known.
std::string unsupported_timm_part(const std::string& name);

}  // namespace quantring::weights
