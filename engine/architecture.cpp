#include "engine/architecture.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "ops/error.h"

namespace quantring {
namespace {

using nlohmann::json;

// Far above any published ViT; keeps products of sizes far from overflow.
constexpr int max_image = 8192, max_dim = 16384, max_depth = 512, max_classes = 1'000'000;
constexpr int max_tokens = 65536;

void bound(const char* what, int value, int low, int high) {
  if (value < low || value > high) {
    throw Error(
        fmt::format("model architecture: {} is {}, must be {} to {}", what, value, low, high));
  }
}

const char* activation_name(Activation activation) {
  return activation == Activation::gelu_tanh ? "gelu_tanh" : "gelu";
}

Activation activation_from(const std::string& name) {
  if (name == "gelu") return Activation::gelu_erf;
  if (name == "gelu_tanh") return Activation::gelu_tanh;
  throw Error(fmt::format("model architecture: unknown activation '{}'", name));
}

}  // namespace

void check_architecture(const Architecture& a) {
  bound("image height", a.image_height, 1, max_image);
  bound("image width", a.image_width, 1, max_image);
  bound("patch height", a.patch_height, 1, a.image_height);
  bound("patch width", a.patch_width, 1, a.image_width);
  bound("channels", a.channels, 1, 3);
  if (a.channels == 2) throw Error("model architecture: 2 channels; must be 1 (grey) or 3 (RGB)");
  bound("dim", a.dim, 1, max_dim);
  bound("depth", a.depth, 1, max_depth);
  bound("heads", a.heads, 1, a.dim);
  bound("mlp_dim", a.mlp_dim, 1, 8 * max_dim);
  bound("classes", a.classes, 1, max_classes);
  if (a.image_height % a.patch_height != 0 || a.image_width % a.patch_width != 0) {
    throw Error(
        fmt::format("model architecture: image {}x{} is not a whole number of {}x{} patches",
                    a.image_height, a.image_width, a.patch_height, a.patch_width));
  }
  bound("tokens", a.tokens(), 1, max_tokens);
  if (a.dim % a.heads != 0) {
    throw Error(fmt::format("model architecture: {} heads do not divide dim {}", a.heads, a.dim));
  }
  if (!(a.norm_eps > 0 && a.norm_eps < 1))
    throw Error("model architecture: norm_eps must be in (0, 1)");
  if (a.pooling == Pooling::class_token && !a.has_class_token) {
    throw Error("model architecture: class-token pooling without a class token");
  }
}

std::string architecture_to_json(const Architecture& a) {
  const nlohmann::ordered_json value = {
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
      {"pooling", a.pooling == Pooling::average ? "average" : "class_token"},
      {"norm_after_pooling", a.norm_after_pooling},
      // As text: the shortest decimal that gives the same float back.
      {"norm_eps", fmt::format("{}", a.norm_eps)},
      {"activation", activation_name(a.activation)}};
  return value.dump();
}

Architecture architecture_from_json(const std::string& text) {
  Architecture a;
  try {
    const json value = json::parse(text);
    if (value.at("type").get<std::string>() != "vit") {
      throw Error("model architecture: only type 'vit' is known to this version");
    }
    a.image_height = value.at("image").at(0).get<int>();
    a.image_width = value.at("image").at(1).get<int>();
    a.patch_height = value.at("patch").at(0).get<int>();
    a.patch_width = value.at("patch").at(1).get<int>();
    a.channels = value.at("channels").get<int>();
    a.dim = value.at("dim").get<int>();
    a.depth = value.at("depth").get<int>();
    a.heads = value.at("heads").get<int>();
    a.mlp_dim = value.at("mlp_dim").get<int>();
    a.classes = value.at("classes").get<int>();
    a.has_class_token = value.at("class_token").get<bool>();
    const auto pooling = value.at("pooling").get<std::string>();
    if (pooling != "average" && pooling != "class_token") {
      throw Error(fmt::format("model architecture: unknown pooling '{}'", pooling));
    }
    a.pooling = pooling == "average" ? Pooling::average : Pooling::class_token;
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

double gflops_per_image(const Architecture& a) {
  const double tokens = a.tokens(), dim = a.dim;
  const double block = tokens * dim * (4 * dim + 2.0 * a.mlp_dim) + 2 * tokens * tokens * dim;
  const double embed = 1.0 * a.patches() * dim * a.channels * a.patch_height * a.patch_width;
  return 2e-9 * (a.depth * block + embed + dim * a.classes);
}

std::vector<StageRange> split_evenly(const Architecture& architecture, int stages) {
  const int halves = architecture.half_blocks();
  if (stages < 1 || stages > halves) {
    throw Error(
        fmt::format("{} stages: this model has {} blocks and can be cut into 1 to {} stages",
                    stages, architecture.depth, halves));
  }
  // Whole blocks where they suffice: a cut inside a block is worth it only when stages outnumber
  // them.
  const int unit = stages <= architecture.depth ? 2 : 1;
  const int units = halves / unit;
  std::vector<StageRange> ranges;
  for (int i = 0; i < stages; ++i) {
    ranges.push_back({units * i / stages * unit, units * (i + 1) / stages * unit});
  }
  return ranges;
}

std::string range_text(StageRange range) {
  const auto boundary = [](int half) {
    return fmt::format("{}{}", half / 2, half % 2 ? ".5" : "");
  };
  return fmt::format("blocks {}-{}", boundary(range.begin), boundary(range.end));
}

std::vector<TensorSpec> tensor_specs(const Architecture& a, StageRange range) {
  std::vector<TensorSpec> specs;
  const std::int64_t dim = a.dim;
  const auto layer = [&](const std::string& name, std::vector<std::int64_t> weight) {
    const std::int64_t out = weight[0];
    specs.push_back({name + ".weight", std::move(weight)});
    specs.push_back({name + ".bias", {out}});
  };
  if (range.begin == 0) {
    layer("embed.patch", {dim, a.channels, a.patch_height, a.patch_width});
    if (a.prefix_tokens() > 0) specs.push_back({"embed.prefix", {a.prefix_tokens(), dim}});
    specs.push_back({"embed.position", {a.tokens(), dim}});
  }
  for (int half = range.begin; half < range.end; ++half) {
    const std::string block = fmt::format("blocks.{}.", half / 2);
    if (half % 2 == 0) {
      layer(block + "norm1", {dim});
      layer(block + "attn.qkv", {3 * dim, dim});
      layer(block + "attn.proj", {dim, dim});
    } else {
      layer(block + "norm2", {dim});
      layer(block + "mlp.fc1", {a.mlp_dim, dim});
      layer(block + "mlp.fc2", {dim, a.mlp_dim});
    }
  }
  if (range.end == a.half_blocks()) {
    layer("norm", {dim});
    layer("head", {a.classes, dim});
  }
  return specs;
}

std::vector<TensorSpec> tensor_specs(const Architecture& architecture) {
  return tensor_specs(architecture, {0, architecture.half_blocks()});
}

}  // namespace quantring
