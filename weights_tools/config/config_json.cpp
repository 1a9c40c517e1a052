#include "weights_tools/config/config_json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "engine/image/image.h"
#include "ops/base/error.h"
#include "weights_tools/base/printable.h"

namespace quantring::weights {
namespace {

using nlohmann::json;

constexpr std::size_t max_bytes = std::size_t{8} << 20;  // 21841 labels, twice, are 2 MiB

std::string shown(const json& value) {
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

std::optional<std::int64_t> whole(const json& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  return value.get<std::int64_t>();
}

}  // namespace

JsonObject::JsonObject(const std::string& text, std::string file, std::string name)
    : file_(std::move(file)), name_(std::move(name)) {
  if (text.size() > max_bytes)
    throw Error(fmt::format("'{}' is longer than {} MiB: it is not the config of a ViT", file_,
                            max_bytes >> 20));
  auto value = std::make_shared<json>(try_parse_json(text));
  if (!value->is_object())
    throw Error(fmt::format(
        "'{}' is not a JSON object, or nested too deeply: it is damaged, or not a config", file_));
  value_ = std::move(value);
}

const json* JsonObject::find(const std::string& key) const {
  if (value_ == nullptr) return nullptr;
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

std::string JsonObject::source(const std::string& key) const {
  return fmt::format("{}: {}{}", name_, path_, key);
}

void JsonObject::refuse(const std::string& key, const std::string& why) const {
  const json* const value = find(key);
  throw Error(fmt::format("'{}': {}{} is {}: {}", file_, path_, key,
                          value != nullptr ? shown(*value) : "absent", why));
}

JsonObject JsonObject::object(const std::string& key) const {
  JsonObject inner;
  const json* const value = find(key);
  if (value == nullptr) return inner;
  if (!value->is_object()) refuse(key, "an object is expected");
  inner.value_ = std::shared_ptr<const json>(value_, value);
  inner.file_ = file_;
  inner.name_ = name_;
  inner.path_ = path_ + key + ".";
  return inner;
}

bool JsonObject::is_object(const std::string& key) const {
  const json* const value = find(key);
  return value != nullptr && value->is_object();
}

std::optional<Fact<std::string>> JsonObject::text(const std::string& key) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string() || value->get_ref<const std::string&>().size() > 1000 ||
      has_control(value->get_ref<const std::string&>()))
    refuse(key, "a text of one line is expected");
  return Fact<std::string>{value->get<std::string>(), source(key)};
}

std::optional<Fact<int>> JsonObject::integer(const std::string& key, int low, int high) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto number = whole(*value);
  if (!number || *number < low || *number > high)
    refuse(key, fmt::format("a whole number from {} to {} is expected", low, high));
  return Fact<int>{static_cast<int>(*number), source(key)};
}

std::optional<Fact<double>> JsonObject::number(const std::string& key, double low,
                                               double high) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= low && number <= high))
    refuse(key, fmt::format("a number from {} to {} is expected", low, high));
  return Fact<double>{number, source(key)};
}

std::optional<Fact<bool>> JsonObject::boolean(const std::string& key) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(key, "true or false is expected");
  return Fact<bool>{value->get<bool>(), source(key)};
}

std::optional<Fact<std::vector<float>>> JsonObject::floats(const std::string& key) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool many = value->is_array() && value->size() > 3;
  const json list = !value->is_array() ? json::array({*value}) : many ? json::array() : *value;
  std::vector<float> out;
  for (const json& entry : list) {
    if (entry.is_number()) out.push_back(entry.get<float>());
  }
  bool good = out.size() == list.size() && !out.empty();
  for (const float number : out) good = good && std::isfinite(number);
  if (!good) refuse(key, "one number per channel is expected");
  return Fact<std::vector<float>>{out, source(key)};
}

std::optional<Fact<ImageSize>> JsonObject::image_size(const std::string& key) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  std::vector<std::int64_t> sides;
  const bool many = value->is_array() && value->size() > 3;
  const json list = !value->is_array() ? json::array({*value, *value})
                    : many             ? json::array()
                                       : *value;
  for (const json& entry : list) sides.push_back(whole(entry).value_or(0));
  if (sides.size() == 3) sides.erase(sides.begin());
  const auto fits = [](std::int64_t side) { return side >= 1 && side <= image_max_side; };
  if (sides.size() != 2 || !fits(sides[0]) || !fits(sides[1]))
    refuse(key, fmt::format("a side in pixels, 1 to {}, or [height, width] is expected",
                            image_max_side));
  return Fact<ImageSize>{{static_cast<int>(sides[0]), static_cast<int>(sides[1])}, source(key)};
}

namespace {

// A class name: text, or a number or truth value as text; nothing for anything else.
std::optional<std::string> class_name(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return std::nullopt;
}

// The class of a key or value: a whole number, also as text ("7", "LABEL_7").
std::optional<std::size_t> class_index(const json& value) {
  std::string text = class_name(value).value_or("");
  if (text.rfind("LABEL_", 0) == 0) text.erase(0, 6);
  std::size_t index = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, index);
  if (error != std::errc() || rest != end || index > 1'000'000) return std::nullopt;
  return index;
}

// Which way round: {"0": "cat"} or {"cat": 0}.
bool is_name_to_index(const json& object) {
  bool keys = true, values = true;
  for (const auto& item : object.items()) {
    keys = keys && class_index(item.key());
    values = values && class_index(item.value());
  }
  return !keys && values;
}

}  // namespace

std::optional<Fact<ClassNames>> JsonObject::names(
    const std::string& key, std::optional<Fact<std::string>>& unusable) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() && !value->is_object()) refuse(key, "class names are expected");
  const auto left_out = [&](const std::string& reason) {
    unusable = {reason, source(key)};
    return std::nullopt;
  };
  const bool reversed = value->is_object() && is_name_to_index(*value);
  ClassNames names;
  for (const auto& item : value->items()) {
    const auto index = value->is_array() ? names.size()
                       : reversed        ? class_index(item.value())
                                         : class_index(item.key());
    if (!index || names.count(*index) != 0)
      return left_out(fmt::format("{} names, not numbered by class", value->size()));
    const auto name = reversed ? item.key() : class_name(item.value());
    if (!name || has_control(*name))
      return left_out(fmt::format("the name of class {} is not a line of text", *index));
    names[*index] = *name;
  }
  if (names.empty()) return std::nullopt;
  return Fact<ClassNames>{names, source(key)};
}

}  // namespace quantring::weights
