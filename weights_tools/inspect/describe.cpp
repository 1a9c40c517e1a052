#include "weights_tools/inspect/describe.h"

#include <fmt/format.h>

#include "engine/image/preprocess_json.h"

namespace quantring::weights {
namespace {

std::string tokens_text(const Architecture& a) {
  std::string text;
  if (a.has_class_token) text += "class token, ";
  if (a.has_distillation_token) text += "distillation token, ";
  if (a.registers > 0) text += fmt::format("{} registers, ", a.registers);
  return text + fmt::format("{} patches", a.patches());
}

std::string extras_text(const Architecture& a) {
  std::vector<std::string> extras;
  if (a.embed_norm) extras.push_back("norm before the blocks");
  if (a.qk_norm) extras.push_back("qk-norm");
  if (a.layer_scale) extras.push_back("LayerScale");
  return fmt::format("{}", fmt::join(extras, ", "));
}

std::string head_text(const Architecture& a) {
  switch (a.pooling) {
    case Pooling::class_token:
      return "on the class token";
    case Pooling::average:
      return fmt::format("on the average of the patches, final norm {} it",
                         a.norm_after_pooling ? "after" : "before");
    case Pooling::class_and_distillation:
      return "mean of two: on the class token and on the distillation token";
    case Pooling::class_and_average:
      return "on the class token and the average of the patches, concatenated";
  }
  return {};
}

std::string activation_text(Activation activation) {
  switch (activation) {
    case Activation::gelu_tanh:
      return "gelu (tanh)";
    case Activation::gelu_quick:
      return "gelu (quick)";
    default:
      return "gelu (exact)";
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe(const Architecture& a) {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"architecture", fmt::format("ViT, {} blocks, dim {}, {} heads of {}, MLP {}", a.depth, a.dim,
                                   a.heads, a.head_dim(), a.mlp_dim)},
      {"input", fmt::format("{}x{}x{}, patches {}x{}", a.image_height, a.image_width, a.channels,
                            a.patch_height, a.patch_width)},
      {"tokens", fmt::format("{}: {}", a.tokens(), tokens_text(a))}};
  if (const std::string extras = extras_text(a); !extras.empty()) lines.push_back({"also", extras});
  lines.push_back(
      {"activation", fmt::format("{}, norm eps {}", activation_text(a.activation), a.norm_eps)});
  lines.push_back({"head", head_text(a)});
  return lines;
}

std::string describe(const PreprocessConfig& p) {
  const std::string filter = interpolation_name(p.interpolation);
  std::string resize = "none";
  if (p.mode == ResizeMode::shorter) {
    resize = fmt::format("shorter side to {} ({})", p.resize_shorter, filter);
  } else if (p.mode == ResizeMode::squash) {
    resize = fmt::format("squash ({})", filter);
  } else if (p.mode == ResizeMode::squash_crop) {
    resize = fmt::format("squash to {}x{} ({})", p.squash_height, p.squash_width, filter);
  }
  const std::string rounding =
      p.crop_rounding == CropRounding::down ? " (odd margins: half, rounded down)" : "";
  return fmt::format("resize {}, crop {}x{}{}, mean {}, std {}", resize, p.crop_height,
                     p.crop_width, rounding, fmt::join(p.mean, " "), fmt::join(p.std, " "));
}

}  // namespace quantring::weights
