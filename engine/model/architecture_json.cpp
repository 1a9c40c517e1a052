// The architecture as text, as it stands in the model file.

#include <fmt/format.h>

#include <set>
#include <stdexcept>

#include "engine/model/architecture.h"
#include "ops/base/json.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using nlohmann::json;

const std::set<std::string> known_keys = {
    "type",       "image",    "patch",       "channels",          "dim",
    "depth",      "heads",    "mlp_dim",     "classes",           "class_token",
    "pooling",    "norm_eps", "activation",  "registers",         "norm_after_pooling",
    "embed_norm", "qk_norm",  "layer_scale", "distillation_token"};

int whole(const json& value, const char* what) {
  if (const auto number = whole_number(value)) return *number;
  throw Error(fmt::format("model architecture: {} is not a whole number in bounds", what));
}

Pooling pooling_from(const std::string& name) {
  for (const Pooling pooling : {Pooling::class_token, Pooling::average,
                                Pooling::class_and_distillation, Pooling::class_and_average}) {
    if (name == pooling_name(pooling)) return pooling;
  }
  throw Error(fmt::format("model architecture: unknown pooling '{}'", name));
}

Activation activation_from(const std::string& name) {
  for (const Activation activation :
       {Activation::gelu_erf, Activation::gelu_tanh, Activation::gelu_quick}) {
    if (name == activation_name(activation)) return activation;
  }
  throw Error(fmt::format("model architecture: unknown activation '{}'", name));
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

const char* activation_name(Activation activation) {
  switch (activation) {
    case Activation::gelu_erf:
      return "gelu";
    case Activation::gelu_tanh:
      return "gelu_tanh";
    case Activation::gelu_quick:
      return "gelu_quick";
    case Activation::none:
      break;
  }
  throw std::invalid_argument("activation_name");
}

std::string architecture_to_json(const Architecture& a) {
  nlohmann::ordered_json value = {{"type", "vit"},
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
                                  // As text: the shortest decimal that gives the same float back.
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
    const json value = try_parse_json(text);
    if (value.at("type").get<std::string>() != "vit") {
      throw Error("model architecture: only type 'vit' is known to this version");
    }
    for (const auto& [key, unused] : value.items()) {
      if (!known_keys.count(key)) {
        throw Error(fmt::format(
            "model architecture: '{}' is not known here; the file was made by a newer version",
            key));
      }
    }
    a.image_height = whole(value.at("image").at(0), "image");
    a.image_width = whole(value.at("image").at(1), "image");
    a.patch_height = whole(value.at("patch").at(0), "patch");
    a.patch_width = whole(value.at("patch").at(1), "patch");
    a.channels = whole(value.at("channels"), "channels");
    a.dim = whole(value.at("dim"), "dim");
    a.depth = whole(value.at("depth"), "depth");
    a.heads = whole(value.at("heads"), "heads");
    a.mlp_dim = whole(value.at("mlp_dim"), "mlp_dim");
    a.classes = whole(value.at("classes"), "classes");
    a.has_class_token = value.at("class_token").get<bool>();
    a.has_distillation_token = value.value("distillation_token", false);
    a.registers = value.contains("registers") ? whole(value.at("registers"), "registers") : 0;
    a.embed_norm = value.value("embed_norm", false);
    a.qk_norm = value.value("qk_norm", false);
    a.layer_scale = value.value("layer_scale", false);
    a.pooling = pooling_from(value.at("pooling").get<std::string>());
    a.norm_after_pooling = value.at("norm_after_pooling").get<bool>();
    a.norm_eps = std::stof(value.at("norm_eps").get<std::string>());
    a.activation = activation_from(value.at("activation").get<std::string>());
  } catch (const json::exception& error) {
    throw Error(fmt::format("model architecture cannot be read: {}", error.what()));
  } catch (const std::logic_error&) {  // stof
    throw Error("model architecture: norm_eps is not a number");
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
