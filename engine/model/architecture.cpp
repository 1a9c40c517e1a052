#include "engine/model/architecture.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "ops/base/error.h"

namespace quantring {
namespace {

// Well above any published ViT; products of the sizes cannot overflow.
constexpr int max_image = 8192, max_dim = 16384, max_depth = 512, max_classes = 1'000'000;
constexpr int max_registers = 1024, max_tokens = 65536;

void bound(const char* what, int value, int low, int high) {
  if (value < low || value > high) {
    throw Error(
        fmt::format("model architecture: {} is {}, must be {} to {}", what, value, low, high));
  }
}

// "3" or "2.5" as a half-block boundary.
std::optional<int> parse_boundary(std::string_view text) {
  int block = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), block);
  if (error != std::errc() || block < 0 || block > 100000) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (rest.empty() || rest == ".0") return 2 * block;
  if (rest == ".5") return 2 * block + 1;
  return std::nullopt;
}

std::string boundary_text(int half) {
  return fmt::format("{}{}", half / 2, half % 2 ? ".5" : "");
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
  bound("registers", a.registers, 0, max_registers);
  bound("tokens", a.tokens(), 1, max_tokens);
  if (a.dim % a.heads != 0) {
    throw Error(fmt::format("model architecture: {} heads do not divide dim {}", a.heads, a.dim));
  }
  if (!(a.norm_eps > 0 && a.norm_eps < 1))
    throw Error("model architecture: norm_eps must be in (0, 1)");
  if (a.pooling != Pooling::average && !a.has_class_token) {
    throw Error(fmt::format("model architecture: pooling '{}' without a class token",
                            pooling_name(a.pooling)));
  }
  if (a.pooling == Pooling::class_and_distillation && !a.has_distillation_token) {
    throw Error(
        "model architecture: pooling 'class_and_distillation' without a distillation token");
  }
  if (a.pooling == Pooling::class_and_average && a.norm_after_pooling) {
    throw Error("model architecture: pooling 'class_and_average' has its norm before the pooling");
  }
}

double gflops_per_image(const Architecture& a) {
  const double tokens = a.tokens(), dim = a.dim;
  const double block = tokens * dim * (4 * dim + 2.0 * a.mlp_dim) + 2 * tokens * tokens * dim;
  const double embed = 1.0 * a.patches() * dim * a.channels * a.patch_height * a.patch_width;
  const double head = dim * a.classes * (a.has_second_head() ? 2 : 1);
  return 2e-9 * (a.depth * block + embed + head);
}

std::vector<StageRange> split_evenly(const Architecture& architecture, int stages) {
  const int half_blocks = architecture.half_blocks();
  if (stages < 1 || stages > half_blocks) {
    throw Error(
        fmt::format("{} stages: this model has {} blocks and can be cut into 1 to {} stages",
                    stages, architecture.depth, half_blocks));
  }
  // A cut inside a block is needed only if there are more stages than blocks.
  const int unit = stages <= architecture.depth ? 2 : 1;
  const int units = half_blocks / unit;
  std::vector<StageRange> ranges;
  for (int i = 0; i < stages; ++i) {
    ranges.push_back({units * i / stages * unit, units * (i + 1) / stages * unit});
  }
  return ranges;
}

std::string range_text(StageRange range) {
  return fmt::format("blocks {}-{}", boundary_text(range.begin), boundary_text(range.end));
}

std::optional<StageRange> parse_range(const std::string& text) {
  const auto dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto begin = parse_boundary(std::string_view(text).substr(0, dash));
  const auto end = parse_boundary(std::string_view(text).substr(dash + 1));
  if (!begin || !end || *begin >= *end) return std::nullopt;
  return StageRange{*begin, *end};
}

std::size_t TensorSpec::elements() const {
  std::size_t product = 1;
  for (const std::int64_t size : shape) product *= static_cast<std::size_t>(size);
  return product;
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
    if (a.embed_norm) layer("embed.norm", {dim});
  }
  for (int half = range.begin; half < range.end; ++half) {
    const std::string block = fmt::format("blocks.{}.", half / 2);
    if (half % 2 == 0) {
      layer(block + "norm1", {dim});
      layer(block + "attn.qkv", {3 * dim, dim});
      layer(block + "attn.proj", {dim, dim});
      if (a.qk_norm) {
        layer(block + "attn.q_norm", {a.head_dim()});
        layer(block + "attn.k_norm", {a.head_dim()});
      }
      if (a.layer_scale) specs.push_back({block + "scale1", {dim}});
    } else {
      layer(block + "norm2", {dim});
      layer(block + "mlp.fc1", {a.mlp_dim, dim});
      layer(block + "mlp.fc2", {dim, a.mlp_dim});
      if (a.layer_scale) specs.push_back({block + "scale2", {dim}});
    }
  }
  if (range.end == a.half_blocks()) {
    layer("norm", {dim});
    layer("head", {a.classes, dim});
    if (a.has_second_head()) layer(a.second_head(), {a.classes, dim});
  }
  return specs;
}

std::vector<TensorSpec> tensor_specs(const Architecture& architecture) {
  return tensor_specs(architecture, {0, architecture.half_blocks()});
}

}  // namespace quantring
