#include <fmt/format.h>

#include <numeric>

#include "apps/doctor/checks.h"
#include "apps/doctor/text.h"
#include "engine/image/preprocess_json.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

std::uint64_t element_count(const Architecture& architecture, StageRange range) {
  std::uint64_t sum = 0;
  for (const TensorSpec& tensor : tensor_specs(architecture, range)) {
    sum += static_cast<std::uint64_t>(std::accumulate(tensor.shape.begin(), tensor.shape.end(),
                                                      std::int64_t{1}, std::multiplies<>()));
  }
  return sum;
}

std::string architecture_text(const Architecture& a) {
  const double millions = static_cast<double>(element_count(a, {0, a.half_blocks()})) / 1e6;
  return fmt::format(
      "Vision Transformer: {} blocks, width {}, {} heads, images of {} x {} x {} in patches of "
      "{} x {}, {} classes, {:.1f} M weights, {:.1f} GFLOP per image",
      a.depth, a.dim, a.heads, a.image_width, a.image_height, a.channels, a.patch_width,
      a.patch_height, a.classes, millions, gflops_per_image(a));
}

std::string preprocess_text(const PreprocessConfig& config) {
  const std::string crop = fmt::format("{} x {}", config.crop_width, config.crop_height);
  std::string resize;
  switch (config.mode) {
    case ResizeMode::none:
      resize = "no resizing, images must be " + crop;
      break;
    case ResizeMode::shorter:
      resize = fmt::format("shorter side to {}, centre crop {}", config.resize_shorter, crop);
      break;
    case ResizeMode::squash:
      resize = fmt::format("resized to {} regardless of aspect ratio", crop);
      break;
    case ResizeMode::squash_crop:
      resize = fmt::format("resized to {} x {} regardless of aspect ratio, centre crop {}",
                           config.squash_width, config.squash_height, crop);
      break;
  }
  return fmt::format("{}, {}", resize, interpolation_name(config.interpolation));
}

void check_tensors(const ModelFile& model, FindingList& list) {
  std::size_t damaged = 0;
  std::string first;
  for (const auto& [name, stored] : model.tensors()) {
    try {
      model.tensor(name);
    } catch (const Error& error) {
      if (damaged++ == 0) first = error.what();
    }
  }
  if (damaged == 0) {
    return list.ok("tensors", fmt::format("all {} match their hash", model.tensors().size()));
  }
  list.problem("tensors",
               damaged == 1 ? first : fmt::format("{}; {} more are damaged", first, damaged - 1),
               "copy the file again, or convert it again with `quantring-weights convert`");
}

}  // namespace

std::uint64_t weight_bytes(const Architecture& architecture, StageRange range) {
  return 4 * element_count(architecture, range);
}

std::vector<Finding> check_model(const std::string& path, std::optional<ModelFile>& model) {
  FindingList list;
  try {
    model.emplace(path);
  } catch (const Error& error) {
    list.problem("file", error.what(),
                 "copy it again, or create it with `quantring-weights convert` (docs/WEIGHTS.md)");
    return list.take();
  }
  const std::string part =
      model->whole() ? "whole" : fmt::format("only {}", range_text(model->part()));
  list.ok("file", fmt::format("{}, {}, identity {}", path, part, model->hash().substr(0, 16)));
  check_tensors(*model, list);
  list.ok("architecture", architecture_text(model->architecture()));
  list.ok("preprocessing", preprocess_text(model->preprocess()));
  if (model->labels().empty()) {
    list.note("labels", "none: answers are class numbers",
              "to add names, one per line: quantring-weights labels " + path + " --set names.txt");
  } else {
    list.ok("labels", fmt::format("{}, the first is \"{}\"", model->labels().size(),
                                  model->labels().front()));
  }
  return list.take();
}

}  // namespace quantring::apps
