// timm's config.json, as the hub has it ({"architecture", "model_args", "pretrained_cfg"}, see
// timm/models/_hub.py), in the older form without sections, or constructor arguments alone.

#include <fmt/format.h>

#include "weights_tools/config/config_readers.h"

namespace quantring::weights {
namespace {

void read_activation(const JsonObject& args, ConfigFacts& facts) {
  const auto named = args.text("act_layer");
  if (!named) return;
  if (named->value == "gelu") {
    facts.activation = {Activation::gelu_erf, named->source};
  } else if (named->value == "gelu_tanh") {
    facts.activation = {Activation::gelu_tanh, named->source};
  } else if (named->value == "quick_gelu") {
    facts.activation = {Activation::gelu_quick, named->source};
  } else {
    args.refuse("act_layer", "only gelu, gelu_tanh and quick_gelu can be run");
  }
}

void read_norm(const JsonObject& args, ConfigFacts& facts) {
  const auto named = args.text("norm_layer");
  if (!named) return;
  if (named->value != "layernorm" && named->value != "layernormfp32")
    args.refuse("norm_layer", "only layernorm can be run");
  facts.norm_eps = {1e-6f, named->source};  // timm's LayerNorm, unlike torch's
}

void read_pooling(const JsonObject& section, ConfigFacts& facts) {
  const auto named = section.text("global_pool");
  if (!named || facts.pooling) return;
  if (named->value == "token") {
    facts.pooling = {Pooling::class_token, named->source};
  } else if (named->value == "avg") {
    facts.pooling = {Pooling::average, named->source};
  } else {
    section.refuse("global_pool", "only token and avg can be run");
  }
}

// Facts that the model's name implies, where no key gives them.
void read_name(ConfigFacts& facts) {
  if (!facts.architecture) return;
  const auto model = plain_timm_model(facts.architecture->value);
  if (!model) return;
  const std::string source =
      fmt::format("{} {} (timm)", facts.architecture->source, facts.architecture->value);
  if (!facts.heads) facts.heads = {model->heads, source};
  if (!facts.dim) facts.dim = {model->dim, source + ": dim"};
  if (!facts.norm_eps) facts.norm_eps = {model->norm_eps, source};
  if (!facts.activation) facts.activation = {model->activation, source};
  if (!facts.pooling) facts.pooling = {model->pooling, source};
}

void read_resize(const JsonObject& data, bool defaults, ConfigFacts& facts) {
  auto crop_pct = data.number("crop_pct", 0.01, 1);
  // timm.data.resolve_data_config: the default of a pretrained_cfg.
  if (!crop_pct && defaults) crop_pct = {0.875, "timm's default crop_pct 0.875"};
  if (!crop_pct) return;
  const auto mode = data.text("crop_mode");
  const std::string name = mode ? mode->value : "center";
  facts.crop_pct = crop_pct->value;
  if (name == "center") {
    facts.resize_mode = {ResizeMode::shorter, crop_pct->source};
  } else if (name == "squash") {
    facts.resize_mode = {crop_pct->value == 1 ? ResizeMode::squash : ResizeMode::squash_crop,
                         mode->source};
  } else if (name == "border") {
    facts.resize_unusable = fmt::format(
        "{} is border, which pads pictures with a colour and cannot be run", mode->source);
  } else {
    data.refuse("crop_mode", "timm has center, squash and border");
  }
}

void read_interpolation(const JsonObject& data, bool defaults, ConfigFacts& facts) {
  const auto named = data.text("interpolation");
  if (!named) {
    if (defaults) facts.interpolation = {Interpolation::bicubic, "timm's default"};
  } else if (named->value == "bicubic") {
    facts.interpolation = {Interpolation::bicubic, named->source};
  } else if (named->value == "bilinear") {
    facts.interpolation = {Interpolation::bilinear, named->source};
  } else {
    facts.interpolation_unusable =
        fmt::format("{} is {}, which cannot be run", named->source, named->value.substr(0, 40));
  }
}

void read_pixels(const JsonObject& data, bool defaults, ConfigFacts& facts) {
  facts.mean = data.floats("mean");
  facts.std = data.floats("std");
  if (defaults && !facts.mean) facts.mean = {{0.485f, 0.456f, 0.406f}, "timm's default (ImageNet)"};
  if (defaults && !facts.std) facts.std = {{0.229f, 0.224f, 0.225f}, "timm's default (ImageNet)"};
}

// label_names are often WordNet ids; label_descriptions then has their names.
void read_labels(const JsonObject& root, const JsonObject& data, ConfigFacts& facts) {
  for (const JsonObject* const section : {&root, &data}) {
    for (const auto* const key : {"label_names", "labels"}) {
      if (facts.labels || facts.numbered_labels) continue;
      if (const auto names = section->names(key, facts.labels_unusable)) set_labels(*names, facts);
    }
  }
  if (!facts.labels) return;
  facts.labels_unusable.reset();
  const auto described = root.has("label_descriptions") ? root.object("label_descriptions")
                                                        : data.object("label_descriptions");
  for (std::string& label : facts.labels->value) {
    if (const auto text = described.text(label)) label = text->value;
  }
}

}  // namespace

void read_timm_config(const JsonObject& root, ConfigFacts& facts) {
  const JsonObject args = root.object("model_args");
  const bool hub = root.has("pretrained_cfg");
  const JsonObject data = hub ? root.object("pretrained_cfg") : root;

  facts.architecture = root.text("architecture");
  if (facts.architecture) {
    const std::string part = unsupported_timm_part(facts.architecture->value);
    if (!part.empty())
      root.refuse("architecture", "this model has " + part + ", which cannot be run");
  }
  // model_args override what the name implies.
  for (const JsonObject* const section : {&args, &root}) {
    if (!facts.heads) facts.heads = section->integer("num_heads", 1, 65536);
    if (!facts.dim) facts.dim = section->integer("embed_dim", 1, 1 << 30);
    if (!facts.depth) facts.depth = section->integer("depth", 1, 1 << 30);
    if (!facts.activation) read_activation(*section, facts);
    if (!facts.norm_eps) read_norm(*section, facts);
    read_pooling(*section, facts);
    if (const auto all = section->boolean("pool_include_prefix"); all && all->value)
      section->refuse("pool_include_prefix", "an average with the prefix tokens cannot be run");
    if (!facts.image_size) facts.image_size = section->image_size("img_size");
  }
  if (!facts.image_size) facts.image_size = data.image_size("input_size");
  if (!facts.dim) facts.dim = root.integer("num_features", 1, 1 << 30);
  read_name(facts);

  read_resize(data, hub, facts);
  read_interpolation(data, hub, facts);
  read_pixels(data, hub, facts);
  read_labels(root, data, facts);
}

}  // namespace quantring::weights
