#include "weights_tools/plan/preprocessing.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "engine/image/preprocess_json.h"
#include "ops/base/error.h"
#include "weights_tools/plan/missing_facts.h"

namespace quantring::weights {
namespace {

class Inference {
 public:
  Inference(const Architecture& architecture, const ConfigFacts& config, const ConvertHints& hints,
            std::vector<Finding>& findings)
      : config_(config),
        hints_(hints),
        findings_(findings),
        image_{architecture.image_height, architecture.image_width} {
    out_.channels = architecture.channels;
    out_.crop_height = image_.height;
    out_.crop_width = image_.width;
    const auto is_deit = [](const std::optional<Fact<std::string>>& fact) {
      return fact && fact->value.rfind("deit", 0) == 0;
    };
    is_deit_ = architecture.has_distillation_token || is_deit(config.model_type) ||
               is_deit(config.architecture);
  }

  PreprocessConfig run() {
    std::vector<std::string> missing;
    const auto collect = [&](const auto& step) {
      try {
        step();
      } catch (const MissingFacts& error) {
        for (const std::string& fact : error.facts()) {
          // Mean and std may have the same text.
          if (missing.empty() || missing.back() != fact) missing.push_back(fact);
        }
      }
    };
    collect([&] { resize(); });
    collect([&] {
      if (out_.mode != ResizeMode::none) return interpolation();
      if (hints_.interpolation && hints_.resize) {
        throw OptionError(fmt::format("--interpolation {} has no meaning with --resize none",
                                      *hints_.interpolation));
      }
    });
    collect([&] { out_.mean = pixels("mean", hints_.mean, config_.mean); });
    collect([&] { out_.std = pixels("std", hints_.std, config_.std); });
    if (!missing.empty()) throw MissingFacts(std::move(missing));
    check_preprocess(out_);
    return out_;
  }

 private:
  static std::string text(ImageSize size) { return fmt::format("{}x{}", size.height, size.width); }

  std::string resize_text() const {
    const std::string crop = fmt::format(", then the middle {}", text(image_));
    switch (out_.mode) {
      case ResizeMode::none:
        return fmt::format("none: pictures must be {}", text(image_));
      case ResizeMode::shorter:
        return fmt::format("shorter side {}{}", out_.resize_shorter, crop);
      case ResizeMode::squash:
        return fmt::format("to {}", text(image_));
      case ResizeMode::squash_crop:
        return fmt::format("to {}{}", text({out_.squash_height, out_.squash_width}), crop);
    }
    return {};
  }

  void resize() {
    std::string source = "--resize";
    if (hints_.resize) {
      flag_resize(*hints_.resize);
    } else {
      source = file_resize();
    }
    findings_.push_back({"resize", resize_text(), source});
    const bool crops = out_.mode == ResizeMode::shorter || out_.mode == ResizeMode::squash_crop;
    if (crops && config_.crop_rounding) {
      out_.crop_rounding = config_.crop_rounding->value;
      findings_.push_back({"crop of an odd margin",
                           out_.crop_rounding == CropRounding::down
                               ? "begins at its half, rounded down"
                               : "begins at its half, rounded to even",
                           config_.crop_rounding->source});
    }
  }

  void flag_resize(const std::string& value) {
    if (value == "none" || value == "squash") {
      out_.mode = resize_mode_from(value);
      return;
    }
    out_.mode = ResizeMode::shorter;
    const char* const end = value.data() + value.size();
    const auto [rest, error] = std::from_chars(value.data(), end, out_.resize_shorter);
    if (error != std::errc() || rest != end || out_.resize_shorter < 1 ||
        out_.resize_shorter > image_max_side)
      throw OptionError(
          fmt::format("--resize {}: give the shorter side in pixels (1 to {}), or squash, or none",
                      value, image_max_side));
  }

  // Why the value is missing.
  static std::string because(const std::string& problem) {
    return problem.empty() ? "is not in the files" : fmt::format("cannot be used ({})", problem);
  }

  [[noreturn]] void resize_missing(const std::string& problem) const {
    const int side = std::min(image_.height, image_.width);
    const auto by = [side](double ratio) { return static_cast<int>(std::floor(side / ratio)); };
    const std::string usual =
        is_deit_ ? fmt::format("usual for DeiT at this size: {}", by(0.875))
                 : fmt::format("usual at this size: {} for timm's ViTs, {} for torchvision's",
                               by(0.9), by(0.875));
    throw MissingFacts({fmt::format(
        "how pictures are resized {}: add --resize SIDE, the shorter side before the centre crop "
        "({}), --resize squash (Hugging Face's and Google's ViT) or --resize none",
        because(problem), usual)});
  }

  // Why the model's size is used and not that of the file.
  std::string fixed_size() const {
    return config_.model_type && !is_dinov2(config_)
               ? fmt::format(" (transformers' {} accepts no other)", config_.model_type->value)
               : std::string();
  }

  // Scales a length from one image size to another. The limit avoids an overflow.
  static int scaled(int length, int from, int to) {
    return static_cast<int>(std::lround(std::min(static_cast<double>(length) * to / from, 1e6)));
  }

  // From the files; returns the source.
  std::string file_resize() {
    if (!config_.resize_unusable.empty() || !config_.resize_mode)
      resize_missing(config_.resize_unusable);
    std::string source = config_.resize_mode->source;
    out_.mode = config_.resize_mode->value;
    if (config_.crop_pct) {
      // timm.data.transforms_imagenet_eval
      const auto larger = [this](int side) {
        return static_cast<int>(std::floor(side / *config_.crop_pct));
      };
      if (out_.mode == ResizeMode::shorter) {
        if (image_.height != image_.width) resize_missing(source + " is for square images");
        out_.resize_shorter = larger(image_.height);
      }
      out_.squash_height = out_.mode == ResizeMode::squash_crop ? larger(image_.height) : 0;
      out_.squash_width = out_.mode == ResizeMode::squash_crop ? larger(image_.width) : 0;
      source += fmt::format(" (crop_pct {})", *config_.crop_pct);
      check_sides(source);
      return source;
    }
    const ImageSize crop = config_.crop.value_or(image_);
    if (out_.mode == ResizeMode::shorter) {
      const int side = config_.shorter.value();
      // A shorter side can only be scaled if the aspect ratio stays.
      if (std::int64_t{crop.height} * image_.width != std::int64_t{crop.width} * image_.height)
        resize_missing(
            fmt::format("{} is for images of {}, not {}", source, text(crop), text(image_)));
      out_.resize_shorter = scaled(side, crop.height, image_.height);
      if (crop != image_)
        source += fmt::format(": {} for {}, scaled to {}", side, text(crop), text(image_));
    }
    if (out_.mode == ResizeMode::squash && crop != image_)
      source +=
          fmt::format(": {}, replaced by the model's {}{}", text(crop), text(image_), fixed_size());
    if (out_.mode == ResizeMode::squash_crop) {
      const ImageSize to = config_.squash_to.value();
      out_.squash_height = scaled(to.height, crop.height, image_.height);
      out_.squash_width = scaled(to.width, crop.width, image_.width);
      if (crop != image_)
        source += fmt::format(": {} for {}, scaled to {}", text(to), text(crop), text(image_));
    }
    check_sides(source);
    return source;
  }

  // Scaling may give an invalid size.
  void check_sides(const std::string& source) const {
    const int max_side = out_.mode == ResizeMode::shorter
                             ? out_.resize_shorter
                             : std::max(out_.squash_height, out_.squash_width);
    const int min_side = out_.mode == ResizeMode::shorter
                             ? out_.resize_shorter
                             : std::min(out_.squash_height, out_.squash_width);
    const bool used = out_.mode == ResizeMode::shorter || out_.mode == ResizeMode::squash_crop;
    if (used && (min_side < 1 || max_side > image_max_side))
      resize_missing(
          fmt::format("{} gives a side of {} pixels", source, min_side < 1 ? min_side : max_side));
  }

  void interpolation() {
    std::string source = "--interpolation";
    if (hints_.interpolation) {
      if (*hints_.interpolation != "bicubic" && *hints_.interpolation != "bilinear")
        throw OptionError(
            fmt::format("--interpolation {}: use bicubic or bilinear", *hints_.interpolation));
      out_.interpolation = interpolation_from(*hints_.interpolation);
    } else if (config_.interpolation_unusable.empty() && config_.interpolation) {
      out_.interpolation = config_.interpolation->value;
      source = config_.interpolation->source;
    } else {
      throw MissingFacts({fmt::format(
          "the interpolation of the resize {}: add --interpolation bicubic (DeiT and most of "
          "timm's models) or bilinear (Hugging Face's and torchvision's ViT)",
          because(config_.interpolation_unusable))});
    }
    findings_.push_back({"interpolation", interpolation_name(out_.interpolation), source});
  }

  std::vector<float> pixels(const std::string& what, const std::vector<float>& given,
                            const std::optional<Fact<std::vector<float>>>& fact) {
    const std::string flag = "--" + what;
    const bool usable = config_.pixels_unusable.empty() && fact;
    if (given.empty() && !usable) {
      const bool neither =
          hints_.mean.empty() && hints_.std.empty() && !config_.mean && !config_.std;
      throw MissingFacts({fmt::format(
          "the pixels' {} {}: add --mean and --std (ImageNet, so DeiT, DINOv2, torchvision: "
          "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225; Google's ViT, and timm's and Hugging "
          "Face's copies of it: --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5)",
          neither ? "scale" : what, because(config_.pixels_unusable))});
    }
    const std::string source = given.empty() ? fact->source : flag;
    std::vector<float> values = given.empty() ? fact->value : given;
    if (values.size() == 1) values.assign(out_.channels, values[0]);
    if (values.size() != static_cast<std::size_t>(out_.channels))
      throw OptionError(fmt::format("{} has {} values, the model's pictures have {} channels{}",
                                    source, values.size(), out_.channels,
                                    given.empty() ? ": add " + flag : std::string()));
    for (const float value : values) {
      // Values for pixels in 0..255 are a common mistake.
      const bool in_range = what == "std" ? value > 0 && value <= 10 : value >= -1 && value <= 1;
      if (!in_range)
        throw OptionError(
            fmt::format("{} holds {}: {} {} of pixels in 0..1, such as 0.485 for 124 of 255",
                        source, value, given.empty() ? "add " + flag + ", the" : "give the", what));
    }
    findings_.push_back({what, fmt::format("{}", fmt::join(values, " ")), source});
    return values;
  }

  const ConfigFacts& config_;
  const ConvertHints& hints_;
  std::vector<Finding>& findings_;
  const ImageSize image_;
  bool is_deit_ = false;
  PreprocessConfig out_;
};

}  // namespace

PreprocessConfig infer_preprocess(const Architecture& architecture, const ConfigFacts& config,
                                  const ConvertHints& hints, std::vector<Finding>& findings) {
  return Inference(architecture, config, hints, findings).run();
}

}  // namespace quantring::weights
