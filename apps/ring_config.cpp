#include "apps/ring_config.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <charconv>
#include <cmath>
#include <set>

#include "ops/error.h"

namespace quantring::apps {
namespace {

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  [[noreturn]] void fail(const toml::node& node, const std::string& text) const {
    throw Error(fmt::format("{}:{}: {}", path_, node.source().begin.line, text));
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

  double number(const toml::table& table, const char* key, double fallback) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return fallback;
    const auto value = node->value<double>();
    if (!value || !std::isfinite(*value) || *value < 0)
      fail(*node, fmt::format("'{}' must be a number", key));
    return *value;
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

// "3" or "2.5" as a half-block boundary.
std::optional<int> boundary(std::string_view text) {
  int block = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), block);
  if (error != std::errc() || block < 0 || block > 100000) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (rest.empty() || rest == ".0") return 2 * block;
  if (rest == ".5") return 2 * block + 1;
  return std::nullopt;
}

std::optional<StageRange> parse_range(const std::string& text) {
  const auto dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto begin = boundary(std::string_view(text).substr(0, dash));
  const auto end = boundary(std::string_view(text).substr(dash + 1));
  if (!begin || !end || *begin >= *end) return std::nullopt;
  return StageRange{*begin, *end};
}

RingConfig::Stage read_stage(const Reader& reader, const toml::node& node) {
  if (!node.is_table()) reader.fail(node, "write each stage as a [[stage]] section");
  const toml::table& table = *node.as_table();
  reader.only(table, {"address", "blocks"});
  RingConfig::Stage stage;
  stage.address = reader.text(table, "address", "");
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

}  // namespace

RingConfig read_ring_config(const std::string& path) {
  toml::table root;
  try {
    root = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    throw Error(line == 0 ? fmt::format("cannot read '{}': {}", path, error.description())
                          : fmt::format("{}:{}: {}", path, line, error.description()));
  }
  const Reader reader(path);
  reader.only(root, {"model", "head", "link", "stage"});
  RingConfig config;
  config.model = reader.text(root, "model", "");

  const toml::table& head = reader.section(root, "head");
  reader.only(head, {"listen", "advertise"});
  config.listen = reader.text(head, "listen", config.listen);
  config.advertise = reader.text(head, "advertise", "");

  const toml::table& link = reader.section(root, "link");
  reader.only(link, {"codec", "bits", "mbps"});
  config.link_mbps = reader.number(link, "mbps", 0);
  const std::string codec = reader.text(link, "codec", "");
  if (!codec.empty()) {
    try {
      config.codec = parse_codec(codec, static_cast<int>(reader.number(link, "bits", 0)));
    } catch (const Error& error) {
      reader.fail(*link.get("codec"), error.what());
    }
  }

  const toml::node* stages = root.get("stage");
  if (stages == nullptr || !stages->is_array() || stages->as_array()->empty()) {
    throw Error(fmt::format(
        "{}: no stages; add a [[stage]] section with address = \"HOST:PORT\" for each node", path));
  }
  for (const toml::node& node : *stages->as_array())
    config.stages.push_back(read_stage(reader, node));
  return config;
}

std::vector<StageRange> stage_ranges(const RingConfig& config, const Architecture& architecture) {
  std::size_t given = 0;
  for (const auto& stage : config.stages) given += stage.range.has_value();
  if (given == 0) return split_evenly(architecture, static_cast<int>(config.stages.size()));
  if (given != config.stages.size()) throw Error("ring: give blocks to every stage or to none");
  std::vector<StageRange> ranges;
  int next = 0;
  for (const auto& stage : config.stages) {
    if (stage.range->begin != next) {
      throw Error(fmt::format("ring: stage {} has {}, but must start at block {}", ranges.size(),
                              range_text(*stage.range), 0.5 * next));
    }
    next = stage.range->end;
    ranges.push_back(*stage.range);
  }
  if (next != architecture.half_blocks()) {
    throw Error(fmt::format("ring: the stages end at block {}, the model has {} blocks", 0.5 * next,
                            architecture.depth));
  }
  return ranges;
}

}  // namespace quantring::apps
