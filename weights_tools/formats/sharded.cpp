#include "weights_tools/formats/sharded.h"

#include <fmt/format.h>

#include <set>

#include "engine/model/open_file.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "weights_tools/base/printable.h"

namespace quantring::weights {
namespace {

using nlohmann::json;

// About a hundred bytes per tensor.
constexpr std::uintmax_t max_index_bytes = 16 << 20;
constexpr int max_index_depth = 8;

std::string read_text(const std::filesystem::path& path) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  if (!failed && size > max_index_bytes) {
    throw Error(fmt::format("'{}' is too large for the index of a checkpoint", path.string()));
  }
  std::ifstream file = open_file(path);
  std::string text(failed ? 0 : size, '\0');
  if (failed || !file.read(text.data(), static_cast<std::streamsize>(size))) {
    throw Error(fmt::format("cannot read '{}'", path.string()));
  }
  return text;
}

// Parses the file and refuses duplicate names, which the JSON library would accept.
json parse_strictly(const std::string& text, const std::string& name) {
  std::set<std::string> keys, tensors;
  std::string section, duplicate;
  bool too_deep = false;
  const auto check = [&](int depth, json::parse_event_t event, json& value) {
    too_deep = too_deep || depth > max_index_depth;
    if (event == json::parse_event_t::key && depth == 1) {
      section = value.get<std::string>();
      if (!keys.insert(section).second) duplicate = section;
    }
    if (event == json::parse_event_t::key && depth == 2 && section == "weight_map") {
      const auto& tensor = value.get_ref<const std::string&>();
      if (!tensors.insert(tensor).second) duplicate = tensor;
    }
    return !too_deep;
  };
  json index = json::parse(text, check, /*allow_exceptions=*/false);
  if (too_deep) throw Error(fmt::format("'{}' is nested too deeply for an index", name));
  if (!duplicate.empty()) throw Error(fmt::format("'{}': '{}' appears twice", name, duplicate));
  if (index.is_discarded()) {
    throw Error(fmt::format("'{}' is not valid JSON; fetch the file again", name));
  }
  return index;
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && !has_control(name) &&
         name.find_first_of("/\\") == std::string::npos;
}

class ShardedCheckpoint : public Checkpoint {
 public:
  ShardedCheckpoint(
      const std::filesystem::path& index,
      const std::function<std::unique_ptr<Checkpoint>(const std::filesystem::path&)>& open_file)
      : map_(parse_index(read_text(index), index.string())) {
    std::set<std::string> files;
    for (const auto& [tensor, file] : map_) files.insert(file);
    for (const std::string& file : files) {
      const std::filesystem::path path = index.parent_path() / file;
      std::error_code ignored;
      if (!std::filesystem::exists(path, ignored)) {
        throw Error(fmt::format(
            "'{}' needs '{}', which is not in the same folder; fetch all {} of its files",
            index.string(), file, files.size()));
      }
      files_[file] = open_file(path);
    }
    for (const auto& [tensor, file] : map_) {
      const TensorInfos& held = files_.at(file)->tensors();
      const auto found = held.find(tensor);
      if (found == held.end()) {
        throw Error(fmt::format(
            "'{}' places tensor '{}' in '{}', which does not have it; fetch all files again, "
            "of the same version",
            index.string(), tensor, file));
      }
      tensors_[tensor] = found->second;
    }
  }

  std::string format() const override {
    return fmt::format("{} in {} file{}", files_.begin()->second->format(), files_.size(),
                       files_.size() == 1 ? "" : "s");
  }

  std::vector<float> read(const std::string& name) const override {
    return files_.at(map_.at(name))->read(name);
  }

 private:
  WeightMap map_;
  std::map<std::string, std::unique_ptr<Checkpoint>> files_;
};

}  // namespace

WeightMap parse_index(const std::string& text, const std::string& name) {
  const json index = parse_strictly(text, name);
  if (!index.is_object() || !index.contains("weight_map")) {
    throw Error(fmt::format(
        "'{}' is JSON, but not the index of a checkpoint (it has no weight_map); name the file "
        "with the weights, or its folder",
        name));
  }
  const json& entries = index["weight_map"];
  if (!entries.is_object() || entries.empty()) {
    throw Error(fmt::format("'{}': weight_map has no tensors; fetch the file again", name));
  }
  WeightMap map;
  for (const auto& [tensor, file] : entries.items()) {
    if (has_control(tensor)) {
      throw Error(fmt::format("'{}': the name of a tensor has control characters", name));
    }
    if (!file.is_string() || !is_file_name(file.get_ref<const std::string&>())) {
      throw Error(fmt::format(
          "'{}': tensor '{}' must be in a file of the same folder, given by its name alone", name,
          tensor));
    }
    map[tensor] = file.get<std::string>();
  }
  return map;
}

std::unique_ptr<Checkpoint> open_sharded(
    const std::filesystem::path& index,
    const std::function<std::unique_ptr<Checkpoint>(const std::filesystem::path&)>& open_file) {
  return std::make_unique<ShardedCheckpoint>(index, open_file);
}

}  // namespace quantring::weights
