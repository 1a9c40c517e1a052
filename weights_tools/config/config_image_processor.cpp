// Hugging Face's preprocessor_config.json: first resize, then centre crop, then rescale, then
// normalize (transformers/image_processing_backends.py).

#include <fmt/format.h>

#include <cmath>

#include "weights_tools/config/config_readers.h"

namespace quantring::weights {
namespace {

// A class of image processor and its defaults (transformers/models/*/image_processing_*.py).
struct Processor {
  const char* name;
  ImageSize squash;  // default size as {height, width}, or
  int shorter;       // as {shortest_edge}
  int crop;          // 0: does not crop
  Interpolation interpolation;
  std::vector<float> mean, std;
};

const std::vector<Processor>& processors() {
  static const std::vector<float> clip_mean = {0.48145466f, 0.4578275f, 0.40821073f};
  static const std::vector<float> clip_std = {0.26862954f, 0.26130258f, 0.27577711f};
  static const std::vector<Processor> all = {
      {"ViTImageProcessor", {224, 224}, 0, 0, Interpolation::bilinear, {0.5f}, {0.5f}},
      {"DeiTImageProcessor", {256, 256}, 0, 224, Interpolation::bicubic, {0.5f}, {0.5f}},
      {"SiglipImageProcessor", {224, 224}, 0, 0, Interpolation::bicubic, {0.5f}, {0.5f}},
      {"BitImageProcessor", {}, 224, 224, Interpolation::bicubic, clip_mean, clip_std},
      {"CLIPImageProcessor", {}, 224, 224, Interpolation::bicubic, clip_mean, clip_std}};
  return all;
}

// The class that transformers would create; empty if unknown.
std::string class_name(const JsonObject& root, const ConfigFacts& facts) {
  auto named = root.text("image_processor_type");
  if (!named) named = root.text("feature_extractor_type");
  if (!named) {
    const std::string type = facts.model_type ? facts.model_type->value : "";
    if (type == "vit" || type == "vit_msn" || type == "vit_mae" || type == "ijepa")
      return "ViTImageProcessor";
    if (type == "siglip" || type == "siglip_vision_model") return "SiglipImageProcessor";
    if (type == "deit") return "DeiTImageProcessor";
    if (type == "dinov2" || type == "dinov2_with_registers") return "BitImageProcessor";
    return {};
  }
  std::string name = named->value;
  static const std::string old = "FeatureExtractor";
  if (const auto at = name.find(old); at != std::string::npos)
    name.replace(at, old.size(), "ImageProcessor");
  for (const std::string suffix : {"Fast", "Pil"}) {
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix)
      name.resize(name.size() - suffix.size());
  }
  return name;
}

class Reader {
 public:
  Reader(const JsonObject& root, const Processor& processor, ConfigFacts& facts)
      : root_(root), processor_(processor), facts_(facts) {}

  void resize() {
    const bool resizes = flag("do_resize", true);
    const bool crops = flag("do_center_crop", processor_.crop != 0);
    if (!resizes && crops) return unusable("do_resize", "a crop without a resize cannot be run");
    if (!resizes) {
      facts_.resize_mode = {ResizeMode::none, root_.source("do_resize")};
      return;
    }
    std::string source = root_.source("size");
    if (!root_.has("size")) source = default_source("size");
    const auto crop = crop_size();
    if (crops && !crop) return unusable("do_center_crop", "the size of the crop is missing");
    read_size();
    if (!facts_.resize_unusable.empty()) return;
    if (facts_.shorter && !crops)
      return unusable("size", "pictures of different sizes without a crop cannot be run");
    if (facts_.shorter) {
      facts_.resize_mode = {ResizeMode::shorter, source};
      facts_.crop = crop;
      return;
    }
    facts_.crop = crops ? crop : facts_.squash_to;
    facts_.resize_mode = {
        *facts_.crop == *facts_.squash_to ? ResizeMode::squash : ResizeMode::squash_crop, source};
  }

  void interpolation() {
    const auto number = root_.integer("resample", 0, 5);
    if (!number) {
      facts_.interpolation = {processor_.interpolation, default_source("resample")};
    } else if (number->value == 2) {
      facts_.interpolation = {Interpolation::bilinear, number->source};
    } else if (number->value == 3) {
      facts_.interpolation = {Interpolation::bicubic, number->source};
    } else {
      static constexpr const char* names[] = {"nearest", "lanczos", "", "", "box", "hamming"};
      facts_.interpolation_unusable =
          fmt::format("{} is {} ({}), which cannot be run", number->source, number->value,
                      names[number->value]);
    }
  }

  void pixels() {
    const auto factor = root_.number("rescale_factor", 0, 1e6);
    const bool usual = !factor || std::fabs(factor->value * 255 - 1) < 1e-6;
    if (!flag("do_rescale", true) || !usual) {
      facts_.pixels_unusable = fmt::format("{} takes pixels other than 0 to 1, which cannot be run",
                                           root_.source(usual ? "do_rescale" : "rescale_factor"));
      return;
    }
    if (!flag("do_normalize", true)) {
      facts_.mean = {{0.0f}, root_.source("do_normalize")};
      facts_.std = {{1.0f}, root_.source("do_normalize")};
      return;
    }
    facts_.mean = root_.floats("image_mean");
    facts_.std = root_.floats("image_std");
    if (!facts_.mean) facts_.mean = {processor_.mean, default_source("image_mean")};
    if (!facts_.std) facts_.std = {processor_.std, default_source("image_std")};
  }

 private:
  bool flag(const std::string& key, bool default_value) const {
    const auto given = root_.boolean(key);
    return given ? given->value : default_value;
  }

  std::string default_source(const std::string& key) const {
    return fmt::format("{}'s default {}", processor_.name, key);
  }

  void unusable(const std::string& key, const std::string& why) {
    facts_.resize_unusable = fmt::format("{}: {}", root_.source(key), why);
  }

  // {"height": h, "width": w}
  static std::optional<ImageSize> sides(const JsonObject& size) {
    const auto height = size.image_size("height"), width = size.image_size("width");
    if (!height || !width) return std::nullopt;
    return ImageSize{height->value.height, width->value.width};
  }

  std::optional<ImageSize> crop_size() const {
    if (!root_.has("crop_size"))
      return processor_.crop == 0 ? std::nullopt
                                  : std::optional(ImageSize{processor_.crop, processor_.crop});
    if (root_.is_object("crop_size")) return sides(root_.object("crop_size"));
    return root_.image_size("crop_size")->value;
  }

  // Sets shorter or squash_to.
  void read_size() {
    if (!root_.has("size")) {
      if (processor_.shorter != 0)
        facts_.shorter = processor_.shorter;
      else
        facts_.squash_to = processor_.squash;
      return;
    }
    if (!root_.is_object("size")) {
      const ImageSize size = root_.image_size("size")->value;
      // One number is a square or the shorter side, depending on the class.
      const bool square = flag("default_to_square", processor_.shorter == 0);
      if (square || size.height != size.width)
        facts_.squash_to = size;
      else
        facts_.shorter = size.height;
      return;
    }
    const JsonObject size = root_.object("size");
    const auto shorter = size.image_size("shortest_edge");
    facts_.squash_to = sides(size);
    if (size.has("longest_edge") || size.has("max_height") || size.has("max_width"))
      return unusable("size", "a bound on the longer side cannot be run");
    if (shorter)
      facts_.shorter = shorter->value.height;
    else if (!facts_.squash_to)
      root_.refuse("size", "height and width, or shortest_edge, are expected");
    if (facts_.shorter) facts_.squash_to.reset();
  }

  const JsonObject& root_;
  const Processor& processor_;
  ConfigFacts& facts_;
};

}  // namespace

void read_image_processor(const JsonObject& root, ConfigFacts& facts) {
  facts.crop_rounding = {CropRounding::down, "transformers' center_crop"};
  const std::string name = class_name(root, facts);
  for (const Processor& processor : processors()) {
    if (name != processor.name) continue;
    Reader reader(root, processor, facts);
    reader.resize();
    reader.interpolation();
    reader.pixels();
    return;
  }
  // Only mean and std have the same meaning in all classes.
  facts.mean = root.floats("image_mean");
  facts.std = root.floats("image_std");
  facts.resize_unusable = facts.interpolation_unusable =
      name.empty() ? fmt::format("{} is absent, so the meaning of the file is unknown",
                                 root.source("image_processor_type"))
                   : fmt::format("{} is {}, which is unknown", root.source("image_processor_type"),
                                 name.substr(0, 60));
}

}  // namespace quantring::weights
