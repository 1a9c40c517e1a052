// The architecture as JSON, as the model file holds it.

#include <fmt/format.h>

#include <set>
#include <stdexcept>
#include <tuple>

#include "engine/model/architecture.h"
#include "ops/activation_name.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "ops/base/json_fields.h"

namespace quantring {
namespace {

using nlohmann::json;

const std::set<std::string> known_keys = {
    "type",       "image",    "patch",       "channels",          "dim",
    "depth",      "heads",    "mlp_dim",     "classes",           "class_token",
    "pooling",    "norm_eps", "activation",  "registers",         "norm_after_pooling",
    "embed_norm", "qk_norm",  "layer_scale", "distillation_token"};

Pooling pooling_from(const std::string& name) {
  for (const Pooling pooling : {Pooling::class_token, Pooling::average,
                                Pooling::class_and_distillation, Pooling::class_and_average}) {
    if (name == pooling_name(pooling)) return pooling;
  }
  throw Error(fmt::format("unknown pooling '{}'", name));
}

Activation activation_from(const std::string& name) {
  for (const Activation activation :
       {Activation::gelu_erf, Activation::gelu_tanh, Activation::gelu_quick}) {
    if (name == activation_name(activation)) return activation;
  }
  throw Error(fmt::format("unknown activation '{}'", name));
}

}  // namespace

const char* pooling_name(Pooling pooling) {
  switch (pooling) {
    case Pooling::class_token:
      return "class_token";
    case Pooling::average:
      return "average";
    case Pooling::class_and_distillation:
      return "class_and_distillation";
    case Pooling::class_and_average:
      return "class_and_average";
  }
  throw std::invalid_argument("pooling_name");
}

std::string architecture_to_json(const Architecture& a) {
  nlohmann::ordered_json value = {
      {"type", "vit"},
      {"image", {a.image_height, a.image_width}},
      {"patch", {a.patch_height, a.patch_width}},
      {"channels", a.channels},
      {"dim", a.dim},
      {"depth", a.depth},
      {"heads", a.heads},
      {"mlp_dim", a.mlp_dim},
      {"classes", a.classes},
      {"class_token", a.has_class_token},
      {"pooling", pooling_name(a.pooling)},
      {"norm_after_pooling", a.norm_after_pooling},
      // As text: the shortest decimal that reads back as the same float.
      {"norm_eps", fmt::format("{}", a.norm_eps)},
      {"activation", activation_name(a.activation)}};
  if (a.has_distillation_token) value["distillation_token"] = true;
  if (a.registers > 0) value["registers"] = a.registers;
  if (a.embed_norm) value["embed_norm"] = true;
  if (a.qk_norm) value["qk_norm"] = true;
  if (a.layer_scale) value["layer_scale"] = true;
  return value.dump();
}

Architecture architecture_from_json(const std::string& text) {
  Architecture a;
  try {
    const json value = parse_json(text, "the JSON");
    if (read_string(value, "type") != "vit")
      throw Error("only type 'vit' is known to this version");
    for (const auto& [key, unused] : value.items()) {
      if (!known_keys.count(key)) {
        throw Error(fmt::format("key '{}' is unknown: the file was made by a newer version", key));
      }
    }
    std::tie(a.image_height, a.image_width) = read_int_pair(value, "image");
    std::tie(a.patch_height, a.patch_width) = read_int_pair(value, "patch");
    a.channels = read_int(value, "channels");
    a.dim = read_int(value, "dim");
    a.depth = read_int(value, "depth");
    a.heads = read_int(value, "heads");
    a.mlp_dim = read_int(value, "mlp_dim");
    a.classes = read_int(value, "classes");
    const auto optional_bool = [&](const char* key) {
      return value.contains(key) && read_bool(value, key);
    };
    a.has_class_token = read_bool(value, "class_token");
    a.has_distillation_token = optional_bool("distillation_token");
    a.registers = value.contains("registers") ? read_int(value, "registers") : 0;
    a.embed_norm = optional_bool("embed_norm");
    a.qk_norm = optional_bool("qk_norm");
    a.layer_scale = optional_bool("layer_scale");
    a.pooling = pooling_from(read_string(value, "pooling"));
    a.norm_after_pooling = read_bool(value, "norm_after_pooling");
    a.norm_eps = float_from_text(read_field(value, "norm_eps"), "norm_eps");
    a.activation = activation_from(read_string(value, "activation"));
  } catch (const Error& error) {
    throw Error(fmt::format("model architecture: {}", error.what()));
  }
  check_architecture(a);
  return a;
}

int model_format(const Architecture& a) {
  const bool plain = !a.has_distillation_token && a.registers == 0 && !a.embed_norm && !a.qk_norm &&
                     !a.layer_scale && !a.has_second_head() &&
                     a.activation != Activation::gelu_quick;
  return plain ? 1 : 2;
}

}  // namespace quantring
