#include "weights_tools/timm.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/preprocess_json.h"
#include "ops/error.h"

namespace quantring::weights {
namespace {

using nlohmann::json;
using Tensors = std::map<std::string, StoredTensor>;

const StoredTensor& need(const Tensors& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw Error(
        fmt::format("tensor '{}' is missing: this is not a whole timm ViT checkpoint", name));
  }
  return found->second;
}

const StoredTensor& need(const Tensors& tensors, const std::string& name, std::size_t rank) {
  const StoredTensor& tensor = need(tensors, name);
  if (tensor.shape.size() != rank) {
    throw Error(fmt::format("tensor '{}' has {} dimensions, a timm ViT has {} here", name,
                            tensor.shape.size(), rank));
  }
  return tensor;
}

int as_int(std::int64_t value) {
  if (value < 0 || value > 1'000'000'000) throw Error("a tensor's dimension is out of bounds");
  return static_cast<int>(value);
}

// The parts of timm's VisionTransformer that the forward pass does not have.
void refuse_unsupported(const Tensors& tensors) {
  static const std::pair<const char*, const char*> parts[] = {
      {"dist_token", "a distillation token"},
      {"reg_token", "register tokens"},
      {"norm_pre.weight", "a layernorm before the blocks (norm_pre)"},
      {"blocks.0.ls1.gamma", "LayerScale"},
      {"blocks.0.attn.q_norm.weight", "qk-norm"},
      {"attn_pool.latent", "attention pooling"}};
  for (const auto& [name, part] : parts) {
    if (tensors.count(name)) {
      throw Error(
          fmt::format("the model has {} ('{}'), which this version cannot run", part, name));
    }
  }
}

// config.json as the hub stores it for timm, or a plain one with timm's constructor arguments.
class Config {
 public:
  explicit Config(const std::string& text) {
    if (text.empty()) return;
    root_ = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!root_.is_object())
      throw Error("the config.json beside the checkpoint is not a JSON object");
  }
  // A value at the top level or in pretrained_cfg; null if there is none.
  json find(const char* key) const {
    for (const char* section : {"model_args", "pretrained_cfg"}) {
      const auto found = root_.find(section);
      if (found != root_.end() && found->is_object() && found->contains(key)) return found->at(key);
    }
    const auto found = root_.find(key);
    return found == root_.end() ? json() : *found;
  }

 private:
  json root_ = json::object();
};

void read_shapes(const Tensors& tensors, TimmModel& model) {
  Architecture& a = model.architecture;
  const auto& patch = need(tensors, "patch_embed.proj.weight", 4).shape;
  a.dim = as_int(patch[0]);
  a.channels = as_int(patch[1]);
  a.patch_height = as_int(patch[2]);
  a.patch_width = as_int(patch[3]);
  a.has_class_token = tensors.count("cls_token") != 0;
  while (tensors.count(fmt::format("blocks.{}.norm1.weight", a.depth))) ++a.depth;
  a.mlp_dim = as_int(need(tensors, "blocks.0.mlp.fc1.weight", 2).shape[0]);
  a.classes = as_int(need(tensors, "head.weight", 2).shape[0]);
  model.findings.push_back({"dim, depth, mlp, classes, patch, channels",
                            fmt::format("{}, {}, {}, {}, {}x{}, {}", a.dim, a.depth, a.mlp_dim,
                                        a.classes, a.patch_height, a.patch_width, a.channels),
                            "tensor shapes"});
  // timm: a model without class token, or with fc_norm, averages the patch tokens.
  a.norm_after_pooling = tensors.count("fc_norm.weight") != 0;
  a.pooling = a.norm_after_pooling || !a.has_class_token ? Pooling::average : Pooling::class_token;
  model.findings.push_back({"class token, pooling",
                            fmt::format("{}, {}", a.has_class_token ? "yes" : "no",
                                        a.pooling == Pooling::average ? "average" : "class token"),
                            "tensor names"});
}

void read_image_size(const Tensors& tensors, const ConvertHints& hints, const Config& config,
                     TimmModel& model) {
  Architecture& a = model.architecture;
  const std::int64_t positions = need(tensors, "pos_embed", 3).shape[1] - a.prefix_tokens();
  const auto side =
      static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(positions))));
  std::string source = "position embedding, taken as square";
  if (hints.image_size) {
    a.image_height = a.image_width = *hints.image_size;
    source = "--image-size";
  } else if (const json size = config.find("img_size"); size.is_number_integer()) {
    a.image_height = a.image_width = size.get<int>();
    source = "config.json";
  } else if (positions > 0 && side * side == positions) {
    a.image_height = as_int(side * a.patch_height);
    a.image_width = as_int(side * a.patch_width);
  } else {
    throw Error("the position embedding is not square: say the image's size with --image-size");
  }
  model.findings.push_back({"image", fmt::format("{}x{}", a.image_height, a.image_width), source});
}

// timm's named sizes; used only with a name that config.json gives.
std::optional<int> heads_of(const std::string& architecture) {
  static const std::pair<const char*, int> sizes[] = {
      {"_tiny_", 3}, {"_small_", 6}, {"_base_", 12}, {"_large_", 16}, {"_huge_", 16}};
  for (const auto& [size, heads] : sizes) {
    if (architecture.find(size) != std::string::npos) return heads;
  }
  return std::nullopt;
}

void read_heads(const ConvertHints& hints, const Config& config, TimmModel& model) {
  Architecture& a = model.architecture;
  const json named = config.find("architecture");
  std::string source;
  if (hints.heads) {
    a.heads = *hints.heads;
    source = "--heads";
  } else if (const json heads = config.find("num_heads"); heads.is_number_integer()) {
    a.heads = heads.get<int>();
    source = "config.json";
  } else if (named.is_string() && heads_of(named.get<std::string>())) {
    a.heads = *heads_of(named.get<std::string>());
    source = fmt::format("architecture '{}' in config.json", named.get<std::string>());
  } else {
    throw Error(
        fmt::format("the number of attention heads is not in the file: add --heads N (dim is {}; "
                    "ViT and DeiT: tiny 3, small 6, base 12, large 16)",
                    a.dim));
  }
  model.findings.push_back(
      {"heads", fmt::format("{} of {}", a.heads, a.heads > 0 ? a.dim / a.heads : 0), source});
}

void read_activation(const ConvertHints& hints, TimmModel& model) {
  const std::string name = hints.activation.value_or("gelu");
  if (name != "gelu" && name != "gelu_tanh") {
    throw Error(fmt::format("--activation {}: use gelu or gelu_tanh", name));
  }
  model.architecture.activation = name == "gelu" ? Activation::gelu_erf : Activation::gelu_tanh;
  model.architecture.norm_eps = 1e-6f;
  model.findings.push_back(
      {"activation", name, hints.activation ? "--activation" : "timm's VisionTransformer"});
  model.findings.push_back({"norm eps", "1e-06", "timm's VisionTransformer"});
}

std::vector<float> floats(const json& value) {
  std::vector<float> out;
  if (value.is_array()) {
    for (const json& entry : value) {
      if (entry.is_number()) out.push_back(entry.get<float>());
    }
  }
  return out;
}

void read_preprocess(const ConvertHints& hints, const Config& config, TimmModel& model) {
  const Architecture& a = model.architecture;
  PreprocessConfig& p = model.preprocess;
  p.channels = a.channels;
  p.crop_height = a.image_height;
  p.crop_width = a.image_width;
  p.mean = hints.mean.empty() ? floats(config.find("mean")) : hints.mean;
  p.std = hints.std.empty() ? floats(config.find("std")) : hints.std;
  std::string resize_source = "--resize";
  if (hints.resize) {
    if (*hints.resize == "none" || *hints.resize == "squash") {
      p.mode = resize_mode_from(*hints.resize);
    } else {
      p.mode = ResizeMode::shorter;
      const char* const end = hints.resize->data() + hints.resize->size();
      const auto [rest, error] = std::from_chars(hints.resize->data(), end, p.resize_shorter);
      if (error != std::errc() || rest != end) {
        throw Error(fmt::format("--resize {}: give the shorter side in pixels, or squash, or none",
                                *hints.resize));
      }
    }
  } else if (const json crop = config.find("crop_pct");
             crop.is_number() && crop.get<double>() > 0) {
    p.resize_shorter = static_cast<int>(std::floor(a.image_height / crop.get<double>()));
    resize_source = "crop_pct in config.json";
  } else {
    throw Error(
        "how pictures are resized is not in the file: add --resize SIDE (the shorter side before "
        "the "
        "centre crop; DeiT at 224: 256), --resize squash or --resize none");
  }
  if (p.mean.empty() || p.std.empty()) {
    throw Error(
        "the pixels' mean and std are not in the file: add --mean and --std (ImageNet: "
        "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225)");
  }
  const json interpolation = config.find("interpolation");
  if (hints.interpolation) {
    p.interpolation = interpolation_from(*hints.interpolation);
  } else if (interpolation.is_string()) {
    p.interpolation = interpolation_from(interpolation.get<std::string>());
  } else if (p.mode != ResizeMode::none) {
    throw Error(
        "the interpolation of the resize is not in the file: add --interpolation bicubic (DeiT and "
        "most timm models) or bilinear");
  }
  model.findings.push_back({"resize",
                            p.mode == ResizeMode::shorter
                                ? fmt::format("shorter side {}, {}", p.resize_shorter,
                                              interpolation_name(p.interpolation))
                                : resize_mode_name(p.mode),
                            resize_source});
  model.findings.push_back({"mean, std",
                            fmt::format("{}, {}", fmt::join(p.mean, " "), fmt::join(p.std, " ")),
                            hints.mean.empty() ? "config.json" : "--mean, --std"});
}

void map_names(const Tensors& tensors, TimmModel& model) {
  static const std::map<std::string, std::string> outside_blocks = {
      {"embed.patch.weight", "patch_embed.proj.weight"},
      {"embed.patch.bias", "patch_embed.proj.bias"},
      {"embed.prefix", "cls_token"},
      {"embed.position", "pos_embed"}};
  std::set<std::string> used;
  for (const TensorSpec& spec : tensor_specs(model.architecture)) {
    std::string source = spec.name;  // blocks and head have the same names here and there
    if (const auto found = outside_blocks.find(spec.name); found != outside_blocks.end())
      source = found->second;
    if (model.architecture.norm_after_pooling && spec.name.rfind("norm.", 0) == 0)
      source = "fc_" + spec.name;
    const StoredTensor& tensor = need(tensors, source);
    std::vector<std::int64_t> shape = tensor.shape;
    // cls_token [1, 1, dim] and pos_embed [1, tokens, dim] lose their leading 1.
    if (shape.size() == 3 && shape[0] == 1) shape.erase(shape.begin());
    if (shape != spec.shape) {
      throw Error(fmt::format("tensor '{}' has shape [{}], expected [{}]", source,
                              fmt::join(tensor.shape, ", "), fmt::join(spec.shape, ", ")));
    }
    if (tensor.dtype != "F32" && tensor.dtype != "F16") {
      throw Error(
          fmt::format("tensor '{}' is {}: only F32 and F16 are read", source, tensor.dtype));
    }
    model.source_names[spec.name] = source;
    used.insert(source);
  }
  for (const auto& [name, tensor] : tensors) {
    if (!used.count(name)) {
      throw Error(fmt::format(
          "tensor '{}' belongs to no part of a plain ViT: this model cannot be run", name));
    }
  }
}

}  // namespace

TimmModel read_timm(const Tensors& tensors, const std::string& config_json,
                    const ConvertHints& hints) {
  if (!tensors.count("patch_embed.proj.weight") || !tensors.count("blocks.0.attn.qkv.weight")) {
    throw Error(
        "the tensors are not named as timm's VisionTransformer names them (no "
        "'patch_embed.proj.weight' or 'blocks.0.attn.qkv.weight')");
  }
  refuse_unsupported(tensors);
  const Config config(config_json);
  TimmModel model;
  read_shapes(tensors, model);
  read_image_size(tensors, hints, config, model);
  read_heads(hints, config, model);
  read_activation(hints, model);
  check_architecture(model.architecture);
  map_names(tensors, model);
  read_preprocess(hints, config, model);
  check_preprocess(model.preprocess);
  return model;
}

}  // namespace quantring::weights
