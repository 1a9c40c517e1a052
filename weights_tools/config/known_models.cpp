#include "weights_tools/config/known_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>
#include <string_view>

#include "ops/base/error.h"
#include "weights_tools/config/config_readers.h"

namespace quantring::weights {
namespace {

// name.tag, side, crop_pct, interpolation, mean and std, crop_mode; the first tag of a name is its
// default.
struct TimmEntry {
  std::string name;
  int side = 0;
  std::string crop_pct, interpolation, pixels, crop_mode;
};

const std::vector<TimmEntry>& timm_models() {
  static const std::vector<TimmEntry> all = [] {
    std::istringstream table(
#include "weights_tools/config/timm_preprocessing.inc"
    );
    std::vector<TimmEntry> entries;
    for (TimmEntry e;
         table >> e.name >> e.side >> e.crop_pct >> e.interpolation >> e.pixels >> e.crop_mode;)
      entries.push_back(e);
    return entries;
  }();
  return all;
}

// torchvision.models.VisionTransformer: the weights' transforms().
struct TorchvisionEntry {
  const char *name, *file;  // file: as published, without its hash
  int resize, crop;
  Interpolation interpolation;
};

constexpr TorchvisionEntry torchvision_models[] = {
    {"vit_b_16.IMAGENET1K_V1", "vit_b_16", 256, 224, Interpolation::bilinear},
    {"vit_b_32.IMAGENET1K_V1", "vit_b_32", 256, 224, Interpolation::bilinear},
    {"vit_l_16.IMAGENET1K_V1", "vit_l_16", 242, 224, Interpolation::bilinear},
    {"vit_l_32.IMAGENET1K_V1", "vit_l_32", 256, 224, Interpolation::bilinear},
    {"vit_b_16.IMAGENET1K_SWAG_E2E_V1", "vit_b_16_swag", 384, 384, Interpolation::bicubic},
    {"vit_l_16.IMAGENET1K_SWAG_E2E_V1", "vit_l_16_swag", 512, 512, Interpolation::bicubic},
    {"vit_h_14.IMAGENET1K_SWAG_E2E_V1", "vit_h_14_swag", 518, 518, Interpolation::bicubic},
    {"vit_b_16.IMAGENET1K_SWAG_LINEAR_V1", "vit_b_16_lc_swag", 224, 224, Interpolation::bicubic},
    {"vit_l_16.IMAGENET1K_SWAG_LINEAR_V1", "vit_l_16_lc_swag", 224, 224, Interpolation::bicubic},
    {"vit_h_14.IMAGENET1K_SWAG_LINEAR_V1", "vit_h_14_lc_swag", 224, 224, Interpolation::bicubic}};

struct HuggingFaceEntry {
  const char *name, *type;
  int dim, depth, heads, side;
};

constexpr HuggingFaceEntry hugging_face_models[] = {
    {"google/vit-base-patch16-224", "vit", 768, 12, 12, 224},
    {"google/vit-base-patch16-384", "vit", 768, 12, 12, 384},
    {"google/vit-base-patch32-384", "vit", 768, 12, 12, 384},
    {"google/vit-large-patch16-224", "vit", 1024, 24, 16, 224},
    {"google/vit-large-patch16-384", "vit", 1024, 24, 16, 384},
    {"google/vit-large-patch32-384", "vit", 1024, 24, 16, 384},
    {"facebook/deit-tiny-patch16-224", "deit", 192, 12, 3, 224},
    {"facebook/deit-small-patch16-224", "deit", 384, 12, 6, 224},
    {"facebook/deit-base-patch16-224", "deit", 768, 12, 12, 224},
    {"facebook/deit-tiny-distilled-patch16-224", "deit", 192, 12, 3, 224},
    {"facebook/deit-small-distilled-patch16-224", "deit", 384, 12, 6, 224},
    {"facebook/deit-base-distilled-patch16-224", "deit", 768, 12, 12, 224},
    {"facebook/dinov2-small-imagenet1k-1-layer", "dinov2", 384, 12, 6, 518},
    {"facebook/dinov2-base-imagenet1k-1-layer", "dinov2", 768, 12, 12, 518},
    {"facebook/dinov2-large-imagenet1k-1-layer", "dinov2", 1024, 24, 16, 518},
    {"facebook/dinov2-with-registers-small-imagenet1k-1-layer", "dinov2_with_registers", 384, 12, 6,
     518},
    {"facebook/dinov2-with-registers-base-imagenet1k-1-layer", "dinov2_with_registers", 768, 12, 12,
     518},
    {"facebook/dinov2-with-registers-large-imagenet1k-1-layer", "dinov2_with_registers", 1024, 24,
     16, 518}};

// Behind the last slash: "timm/NAME", "google/NAME".
std::string_view base_name(std::string_view name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

const TimmEntry* find_timm(std::string_view name) {
  for (const TimmEntry& entry : timm_models()) {
    const std::string_view known = entry.name;
    if (known == name || known.substr(0, known.find('.')) == name) return &entry;
  }
  return nullptr;
}

const TorchvisionEntry* find_torchvision(std::string_view name) {
  for (const TorchvisionEntry& entry : torchvision_models) {
    const std::string_view known = entry.name;
    if (known == name || entry.file == name || known.substr(0, known.find('.')) == name)
      return &entry;
  }
  return nullptr;
}

const HuggingFaceEntry* find_hugging_face(std::string_view name) {
  for (const HuggingFaceEntry& entry : hugging_face_models)
    if (base_name(entry.name) == name) return &entry;
  return nullptr;
}

constexpr const char* imagenet_pixels[] = {"[0.485, 0.456, 0.406]", "[0.229, 0.224, 0.225]"};

ConfigFacts timm_facts(const TimmEntry& entry, const std::string& source) {
  const std::string& kind = entry.pixels;
  std::string mean = "[0.5, 0.5, 0.5]", std = mean;
  if (kind == "imagenet") {
    mean = imagenet_pixels[0];
    std = imagenet_pixels[1];
  } else if (kind == "clip") {
    mean = "[0.48145466, 0.4578275, 0.40821073]";
    std = "[0.26862954, 0.26130258, 0.27577711]";
  } else if (kind == "none") {
    mean = "[0, 0, 0]";
    std = "[1, 1, 1]";
  }
  const std::string config = fmt::format(
      R"({{"architecture": "{}", "pretrained_cfg": {{"input_size": [3, {}, {}], "crop_pct": {},
      "crop_mode": "{}", "interpolation": "{}", "mean": {}, "std": {}}}}})",
      entry.name.substr(0, entry.name.find('.')), entry.side, entry.side, entry.crop_pct,
      entry.crop_mode, entry.interpolation, mean, std);
  ConfigFacts facts;
  read_timm_config(JsonObject(config, source, source), facts);
  return facts;
}

ConfigFacts torchvision_facts(const TorchvisionEntry& entry, const std::string& source) {
  ConfigFacts facts;
  facts.image_size = {{entry.crop, entry.crop}, source};
  facts.resize_mode = {ResizeMode::shorter, source};
  facts.shorter = entry.resize;
  facts.crop = {entry.crop, entry.crop};
  facts.interpolation = {entry.interpolation, source};
  facts.mean = {{0.485f, 0.456f, 0.406f}, source};
  facts.std = {{0.229f, 0.224f, 0.225f}, source};
  return facts;
}

ConfigFacts hugging_face_facts(const HuggingFaceEntry& entry, const std::string& source) {
  const std::string type = entry.type;
  const bool vit = type == "vit", deit = type == "deit";
  const std::string config = fmt::format(
      R"({{"model_type": "{}", "hidden_size": {}, "num_hidden_layers": {}, "intermediate_size": {},
      "num_attention_heads": {}, "layer_norm_eps": {}, "hidden_act": "gelu", "image_size": {}}})",
      type, entry.dim, entry.depth, 4 * entry.dim, entry.heads, vit || deit ? "1e-12" : "1e-6",
      entry.side);
  std::string processor = fmt::format(
      R"({{"image_processor_type": "ViTImageProcessor", "size": {}, "resample": 2,
      "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}})",
      entry.side);
  if (!vit)
    processor = fmt::format(
        R"({{"image_processor_type": "{}", "size": {}, "crop_size": 224, "do_center_crop": true,
        "resample": 3, "image_mean": {}, "image_std": {}}})",
        deit ? "DeiTImageProcessor" : "BitImageProcessor",
        deit ? "256" : R"({"shortest_edge": 256})", imagenet_pixels[0], imagenet_pixels[1]);
  ConfigFacts facts;
  read_hugging_face_config(JsonObject(config, source, source), facts);
  read_image_processor(JsonObject(processor, source, source), facts);
  return facts;
}

// Names that begin alike.
std::vector<std::string> similar(std::string_view name) {
  std::vector<std::pair<std::size_t, std::string>> all;
  const auto add = [&](const std::string& known) {
    const std::string_view base = base_name(known);
    std::size_t same = 0;
    while (same < std::min(base.size(), name.size()) && base[same] == name[same]) ++same;
    if (same >= 4) all.emplace_back(same, known);
  };
  for (const TimmEntry& entry : timm_models()) add(entry.name);
  for (const TorchvisionEntry& entry : torchvision_models) add(entry.name);
  for (const HuggingFaceEntry& entry : hugging_face_models) add(entry.name);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 4); ++i)
    names.push_back(all[i].second);
  return names;
}

bool is_known(std::string_view name) {
  return find_timm(name) != nullptr || find_torchvision(name) != nullptr ||
         find_hugging_face(name) != nullptr;
}

// "deit_tiny_patch16_224-a1311bcf.pth" -> "deit_tiny_patch16_224"; of a hub's cache
// "models--google--vit-base-patch16-224" -> "vit-base-patch16-224".
std::string cleaned(std::string name) {
  for (const char* const ending :
       {".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".npz", ".tar", ".pth"}) {
    if (name.ends_with(ending)) name.resize(name.size() - std::string_view(ending).size());
  }
  const std::size_t dash = name.rfind('-');
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (dash != std::string::npos && name.size() - dash == 9 &&
      std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dash) + 1, name.end(), is_hex))
    name.resize(dash);
  const std::size_t hub = name.rfind("--");
  return hub == std::string::npos ? name : name.substr(hub + 2);
}

}  // namespace

ConfigFacts facts_like(const std::string& name) {
  const std::string source = "--like " + name;
  const std::string_view base = base_name(name);
  if (const TimmEntry* entry = find_timm(base)) return timm_facts(*entry, source);
  if (const TorchvisionEntry* entry = find_torchvision(base))
    return torchvision_facts(*entry, source);
  if (const HuggingFaceEntry* entry = find_hugging_face(base))
    return hugging_face_facts(*entry, source);
  const auto names = similar(base);
  throw OptionError(fmt::format(
      "{}: no published ViT of this name is in the built-in table{}{}; without --like, config.json "
      "and preprocessor_config.json of the model's page are read if they lie beside the file",
      source,
      names.empty() ? "; a name of timm, torchvision or Hugging Face is expected, such as "
                      "deit_tiny_patch16_224.fb_in1k"
                    : "; similar: ",
      fmt::join(names, ", ")));
}

bool is_imagenet_model(const std::string& name) {
  const std::string_view base = base_name(name);
  if (const TimmEntry* entry = find_timm(base)) return entry->name.ends_with("in1k");
  return is_known(base);
}

std::optional<std::string> known_name(const std::filesystem::path& checkpoint) {
  std::vector<std::string> parts;
  for (const auto& part : std::filesystem::absolute(checkpoint).lexically_normal())
    parts.push_back(cleaned(part.string()));
  std::reverse(parts.begin(), parts.end());
  for (std::size_t i = 0; i < std::min<std::size_t>(parts.size(), 4); ++i)
    if (is_known(parts[i])) return parts[i];
  return std::nullopt;
}

}  // namespace quantring::weights
