#include "weights_tools/config/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/model/open_file.h"
#include "ops/base/error.h"
#include "weights_tools/config/config_readers.h"

namespace quantring::weights {
namespace {

namespace fs = std::filesystem;

// The text of a JSON file, with its names in errors and in sources.
struct NamedText {
  std::string text, file, name;
};

bool is_hugging_face(const JsonObject& root) {
  const auto type = root.text("model_type");
  // A timm model in transformers' wrapping keeps timm's config.
  if (type) return type->value != "timm_wrapper";
  return !root.has("architecture") && root.has("num_attention_heads");  // before model_type existed
}

ConfigFacts read(const NamedText& config, const NamedText& preprocessor) {
  ConfigFacts facts;
  if (!config.text.empty()) {
    const JsonObject root(config.text, config.file, config.name);
    is_hugging_face(root) ? read_hugging_face_config(root, facts) : read_timm_config(root, facts);
  }
  if (!preprocessor.text.empty()) {
    const JsonObject root(preprocessor.text, preprocessor.file, preprocessor.name);
    // It replaces the preprocessing of a timm config as a whole; the two are not mixed.
    facts.resize_mode.reset();
    facts.crop_pct.reset();
    facts.interpolation.reset();
    facts.mean.reset();
    facts.std.reset();
    facts.resize_unusable.clear();
    facts.interpolation_unusable.clear();
    read_image_processor(root, facts);
  }
  return facts;
}

NamedText load(const fs::path& path) {
  std::ifstream file = open_file(path);
  std::error_code failure;
  const auto size = fs::file_size(path, failure);
  if (failure) throw Error(fmt::format("cannot read the config '{}'", path.string()));
  // One byte more than JsonObject accepts, so that it refuses a larger file.
  constexpr std::uintmax_t max_read = (std::uintmax_t{8} << 20) + 1;
  NamedText out{std::string(static_cast<std::size_t>(std::min(size, max_read)), '\0'),
                path.string(), path.filename().string()};
  file.read(out.text.data(), static_cast<std::streamsize>(out.text.size()));
  out.text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (out.text.empty()) throw Error(fmt::format("the config '{}' is empty", path.string()));
  return out;
}

NamedText load_if_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) ? load(path) : NamedText{};
}

}  // namespace

void set_labels(const Fact<ClassNames>& names, ConfigFacts& facts) {
  if (names.value.rbegin()->first + 1 != names.value.size()) {
    facts.numbered_labels = names;
    return;
  }
  facts.labels = {{}, names.source};
  for (const auto& [index, name] : names.value) facts.labels->value.push_back(name);
}

ConfigFacts read_config(const std::string& config_json, const std::string& preprocessor_json) {
  return read({config_json, "config.json", "config.json"},
              {preprocessor_json, "preprocessor_config.json", "preprocessor_config.json"});
}

ConfigFacts read_config_beside(const fs::path& checkpoint, const fs::path& config) {
  const fs::path folder = checkpoint.parent_path();
  const NamedText preprocessor = load_if_there(folder / "preprocessor_config.json");
  if (!config.empty()) return read(load(config), preprocessor);
  NamedText text = load_if_there(fs::path(checkpoint).replace_extension(".config.json"));
  if (text.text.empty()) text = load_if_there(folder / "config.json");
  return read(text, preprocessor);
}

}  // namespace quantring::weights
