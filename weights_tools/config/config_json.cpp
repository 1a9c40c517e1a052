#include "weights_tools/config/config_json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

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

std::optional<Fact<std::vector<std::string>>> JsonObject::names(
    const std::string& key, std::optional<Fact<std::string>>& unusable) const {
  const json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() && !value->is_object()) refuse(key, "class names are expected");
  std::vector<std::string> out(value->size());
  std::vector<bool> named(out.size(), false);
  const auto misnumbered = [&] {
    unusable = {fmt::format("{} names, not numbered from 0 to {}", out.size(), out.size() - 1),
                source(key)};
    return std::nullopt;
  };
  std::size_t next = 0;
  for (const auto& item : value->items()) {
    std::size_t index = next++;
    if (value->is_object()) {
      const std::string& digits = item.key();
      const char* const end = digits.data() + digits.size();
      const auto [rest, error] = std::from_chars(digits.data(), end, index);
      if (error != std::errc() || rest != end || index >= out.size()) return misnumbered();
    }
    if (!item.value().is_string() || has_control(item.value().get<std::string>()))
      refuse(key, fmt::format("the name of class {} is not a line of text", index));
    if (named[index]) return misnumbered();  // "1" and "01"
    named[index] = true;
    out[index] = item.value().get<std::string>();
  }
  if (out.empty()) return std::nullopt;
  return Fact<std::vector<std::string>>{out, source(key)};
}

}  // namespace quantring::weights
