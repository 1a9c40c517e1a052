#include "apps/session/ring/ring_config.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <filesystem>
#include <fstream>
#include <set>

#include "apps/session/ring/toml_hint.h"
#include "engine/control/pixel_points.h"
#include "net/wire/address.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  [[noreturn]] void fail(const toml::node& node, const std::string& text) const {
    throw OptionError(fmt::format("{}:{}: {}", path_, node.source().begin.line, text));
  }

  // A misspelt key must not be ignored silently.
  void only(const toml::table& table, const std::set<std::string>& known) const {
    for (const auto& [key, value] : table) {
      const std::string name(key.str());
      if (!known.count(name)) {
        fail(value, fmt::format("unknown key '{}'; known here: {}", name, fmt::join(known, ", ")));
      }
    }
  }

  std::string text(const toml::table& table, const char* key, const std::string& fallback) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return fallback;
    if (!node->is_string()) fail(*node, fmt::format("'{}' must be text in quotes", key));
    return **node->as_string();
  }

  // Where to listen: HOST:PORT, or the port alone for every address of this machine.
  std::string listen_address(const toml::table& table, const char* key) const {
    const std::string value = text(table, key, "");
    if (value.empty()) return value;
    try {
      return net::address_text(net::parse_listen_address(value, "0.0.0.0"));
    } catch (const Error& error) {
      fail(*table.get(key), fmt::format("{} = \"{}\": {}", key, value, error.what()));
    }
  }

  // A path of the file: relative ones are meant from where the file lies. As it stands where there
  // is nothing, which may be a path from the current folder.
  std::string file(const std::string& name) const {
    const auto beside = std::filesystem::path(path_).parent_path() / name;
    std::error_code ignored;
    return std::filesystem::exists(beside, ignored) ? beside.string() : name;
  }

  // HOST:PORT. suffix: appended for the check, where the file has only a host.
  std::string address(const toml::table& table, const char* key, const char* suffix = "") const {
    const std::string value = text(table, key, "");
    if (value.empty()) return value;
    try {
      net::parse_address(value + suffix);
    } catch (const Error& error) {
      fail(*table.get(key), fmt::format("{} = \"{}\": {}", key, value,
                                        *suffix ? "give a host without a port" : error.what()));
    }
    return value;
  }

  // Nothing when the key is not there.
  std::optional<double> number(const toml::table& table, const char* key, double min,
                               double max) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return std::nullopt;
    const auto value = node->value<double>();
    if (!value || !(*value >= min && *value <= max)) {
      fail(*node, fmt::format("'{}' must be a number from {} to {}", key, min, max));
    }
    return value;
  }

  // A whole number; 0 when the key is not there.
  int whole(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return 0;
    if (!node->is_integer() || **node->as_integer() < 0 || **node->as_integer() > 1000) {
      fail(*node, fmt::format("'{}' must be a whole number", key));
    }
    return static_cast<int>(**node->as_integer());
  }

  const toml::table& section(const toml::table& root, const char* key) const {
    static const toml::table empty;
    const toml::node* node = root.get(key);
    if (node == nullptr) return empty;
    if (!node->is_table()) fail(*node, fmt::format("'{}' must be a section [{}]", key, key));
    return *node->as_table();
  }

 private:
  std::string path_;
};

RingConfig::Stage read_stage(const Reader& reader, const toml::node& node) {
  if (!node.is_table()) reader.fail(node, "write each stage as a [[stage]] section");
  const toml::table& table = *node.as_table();
  reader.only(table, {"address", "blocks"});
  RingConfig::Stage stage;
  stage.address = reader.address(table, "address");
  if (stage.address.empty()) reader.fail(node, "the stage has no address = \"HOST:PORT\"");
  const std::string blocks = reader.text(table, "blocks", "");
  if (!blocks.empty()) {
    stage.range = parse_range(blocks);
    if (!stage.range)
      reader.fail(*table.get("blocks"),
                  fmt::format("blocks = \"{}\": write them as \"0-6\" or \"2.5-6\"", blocks));
  }
  return stage;
}

CodecSpec read_codec(const Reader& reader, const toml::table& link, const std::string& name) {
  try {
    return parse_codec(name, reader.number(link, "bits", 0, 32).value_or(0));
  } catch (const Error& error) {
    reader.fail(*link.get(link.contains("bits") ? "bits" : "codec"), error.what());
  }
}

CodecSpec read_pixel_codec(const Reader& reader, const toml::table& link, const std::string& name) {
  try {
    return parse_pixel_codec(name, reader.whole(link, "quality"));
  } catch (const Error& error) {
    reader.fail(*link.get("head_codec"), error.what());
  }
}

Policy read_policy(const Reader& reader, const toml::table& link, const std::string& name) {
  try {
    return parse_policy(name);
  } catch (const Error& error) {
    reader.fail(*link.get("policy"), error.what());
  }
}

LinkChoice read_links(const Reader& reader, const toml::table& link) {
  LinkChoice links;
  const std::string codec = reader.text(link, "codec", "");
  if (!codec.empty()) links.codec = read_codec(reader, link, codec);
  if (codec.empty() && link.contains("bits")) {
    reader.fail(*link.get("bits"), "'bits' is about a codec: add codec = \"ptq\"");
  }
  const std::string pixels = reader.text(link, "head_codec", "");
  if (!pixels.empty()) links.pixels = read_pixel_codec(reader, link, pixels);
  if (pixels.empty() && link.contains("quality"))
    reader.fail(*link.get("quality"), "'quality' is of JPEGs: add head_codec = \"jpeg\"");
  const std::string policy = reader.text(link, "policy", "");
  if (!policy.empty()) links.policy = read_policy(reader, link, policy);
  links.target_rate = reader.number(link, "target", min_target_rate, max_target_rate);
  links.floor = reader.number(link, "floor", 0, 100);
  const std::string ladder = reader.text(link, "ladder", "");
  if (!ladder.empty()) links.ladder = reader.file(ladder);
  const Policy meant = links.effective_policy().value_or(Policy::ladder);
  for (const char* key : {"target", "floor", "ladder"}) {
    if (!link.contains(key) || applies_to(key, meant)) continue;
    reader.fail(*link.get(key), fmt::format("'{}' applies to {}, and the policy is {}: add "
                                            "policy = \"ladder\"",
                                            key, policies_with(key), policy_name(meant)));
  }
  return links;
}

std::string line_of(const std::string& path, std::size_t number) {
  std::ifstream file(path);
  std::string line;
  for (std::size_t i = 0; i < number && std::getline(file, line); ++i) {
  }
  return line;
}

}  // namespace

RingConfig read_ring_config(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored)) {
    throw Error(fmt::format("'{}' is not a file", path));
  }
  toml::table root;
  try {
    root = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    if (line == 0) throw Error(fmt::format("cannot read '{}': {}", path, error.description()));
    const std::string hint = toml_hint(line_of(path, line));
    throw OptionError(fmt::format("{}:{}: {}", path, line,
                                  hint.empty() ? std::string(error.description()) : hint));
  }
  const Reader reader(path);
  reader.only(root, {"model", "head", "link", "stage"});
  RingConfig config;
  config.model = reader.text(root, "model", "");
  if (!config.model.empty()) config.model = reader.file(config.model);
  config.file = path;

  const toml::table& head = reader.section(root, "head");
  reader.only(head, {"listen", "advertise"});
  config.listen = reader.listen_address(head, "listen");
  config.advertise = reader.address(head, "advertise", ":1");

  const toml::table& link = reader.section(root, "link");
  reader.only(link, {"policy", "codec", "bits", "target", "floor", "ladder", "mbps", "head_codec",
                     "quality"});
  config.links = read_links(reader, link);
  config.link_mbps = reader.number(link, "mbps", min_link_mbps, max_link_mbps).value_or(0);

  const toml::node* stages = root.get("stage");
  if (stages == nullptr || !stages->is_array() || stages->as_array()->empty()) {
    throw OptionError(fmt::format(
        "{}: no stages; add a [[stage]] section with address = \"HOST:PORT\" for each node", path));
  }
  std::set<std::string> addresses;
  for (const toml::node& node : *stages->as_array()) {
    config.stages.push_back(read_stage(reader, node));
    if (!addresses.insert(config.stages.back().address).second) {
      reader.fail(node, fmt::format("a node runs one stage, and '{}' is given twice",
                                    config.stages.back().address));
    }
  }
  return config;
}

std::vector<StageRange> stage_ranges(const RingConfig& config, const Architecture& architecture) {
  std::size_t given = 0;
  for (const auto& stage : config.stages) given += stage.range.has_value();
  if (given == 0) return split_evenly(architecture, static_cast<int>(config.stages.size()));
  if (given != config.stages.size())
    throw OptionError("ring: give blocks to every stage or to none");
  std::vector<StageRange> ranges;
  int next = 0;
  for (const auto& stage : config.stages) {
    if (stage.range->begin != next) {
      throw OptionError(fmt::format("ring: stage {} has {}, but must start at block {}",
                                    ranges.size(), range_text(*stage.range), 0.5 * next));
    }
    next = stage.range->end;
    ranges.push_back(*stage.range);
  }
  if (next != architecture.half_blocks()) {
    throw OptionError(fmt::format("ring: the stages end at block {}, the model has {} blocks",
                                  0.5 * next, architecture.depth));
  }
  return ranges;
}

}  // namespace quantring
