#pragma once
// Typed access to a JSON object beside a checkpoint. null counts as absent. All functions throw
// Error naming file and key if a value has another type or is out of bounds.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/base/json.h"
#include "weights_tools/base/findings.h"
#include "weights_tools/config/config.h"

namespace quantring::weights {

class JsonObject {
 public:
  JsonObject() = default;  // without keys
  // file: in errors; name: in sources. Throws Error if the text is longer than 8 MiB, not a JSON
  // object, or nested too deeply.
  JsonObject(const std::string& text, std::string file, std::string name);

  bool has(const std::string& key) const { return find(key) != nullptr; }
  bool is_object(const std::string& key) const;
  JsonObject object(const std::string& key) const;  // without keys if there is none
  // One line of at most 1000 bytes.
  std::optional<Fact<std::string>> text(const std::string& key) const;
  std::optional<Fact<int>> integer(const std::string& key, int low, int high) const;
  std::optional<Fact<double>> number(const std::string& key, double low, double high) const;
  std::optional<Fact<bool>> boolean(const std::string& key) const;
  // A number, or up to three of them.
  std::optional<Fact<std::vector<float>>> floats(const std::string& key) const;
  // N, [height, width] or [channels, height, width], each side 1..image_max_side.
  std::optional<Fact<ImageSize>> image_size(const std::string& key) const;
  // ["cat", ...], {"0": "cat", ...} or {"cat": 0, ...}; a name may be a number. If an object's keys
  // are not numbers of classes, or a name is not a line of text: nothing, and the reason in
  // `unusable`.
  std::optional<Fact<ClassNames>> names(const std::string& key,
                                        std::optional<Fact<std::string>>& unusable) const;

  std::string source(const std::string& key) const;  // "config.json: pretrained_cfg.mean"
  // Throws: "'dir/config.json': KEY is VALUE: WHY".
  [[noreturn]] void refuse(const std::string& key, const std::string& why) const;

 private:
  const nlohmann::json* find(const std::string& key) const;  // null if absent

  std::shared_ptr<const nlohmann::json> value_;
  std::string file_, name_;
  std::string path_;  // of this object in the file: "pretrained_cfg."
};

}  // namespace quantring::weights
