#include "engine/control/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/model/open_file.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

using nlohmann::json;

// Far more than there are codecs and widths.
constexpr std::size_t max_points = 256;
constexpr std::size_t max_json_bytes = 64 * 1024;

// Below 100: no difference on some hundred images does not prove that there is none.
constexpr double max_coded_agreement = 99.99;

// Thousandths of a bit per element of a large tensor, where side information does not count: of the
// codecs with 16 bits one is enough.
double size_of(CodecSpec spec) {
  constexpr TensorShape shape{.images = 1, .tokens = 1024, .dim = 1024};
  return std::round(1000 * expected_bits(spec, shape) / static_cast<double>(shape.elements()));
}

const json& field(const json& entry, const char* name, std::size_t number) {
  const auto found = entry.find(name);
  if (found == entry.end())
    throw Error(fmt::format("ladder entry {}: \"{}\" is missing", number, name));
  return *found;
}

CodecSpec codec_from(const json& entry, std::size_t number) {
  const json& name = field(entry, "codec", number);
  if (!name.is_string())
    throw Error(fmt::format("ladder entry {}: \"codec\" is not a name", number));
  double width = 0;
  if (const auto bits = entry.find("bits"); bits != entry.end()) {
    width = bits->is_number() ? bits->get<double>() : 0;
    if (!(width > 0))
      throw Error(fmt::format("ladder entry {}: \"bits\" is not a number of bits", number));
  }
  try {
    return parse_codec(name.get_ref<const std::string&>(), width);
  } catch (const Error& error) {
    throw Error(fmt::format("ladder entry {}: {}", number, error.what()));
  }
}

double agreement_from(const json& entry, std::size_t number) {
  const json& value = field(entry, "agreement", number);
  const double agreement = value.is_number() ? value.get<double>() : -1;
  if (!(agreement >= 0 && agreement <= 100))
    throw Error(fmt::format("ladder entry {}: \"agreement\" is not a percentage", number));
  return agreement;
}

OperatingPoint point_from(const json& entry, std::size_t number) {
  if (!entry.is_object()) throw Error(fmt::format("ladder entry {} is not an object", number));
  for (const auto& [key, ignored] : entry.items()) {
    if (key != "codec" && key != "bits" && key != "agreement")
      throw Error(fmt::format("ladder entry {}: \"{}\" is not known: codec, bits and agreement are",
                              number, key));
  }
  return {codec_from(entry, number), agreement_from(entry, number)};
}

}  // namespace

bool takes_fewer_bytes(CodecSpec coarse, CodecSpec fine) {
  constexpr TensorShape shape{.images = 2, .tokens = 64, .dim = 64};
  return expected_bits(coarse, shape) < expected_bits(fine, shape);
}

Ladder make_ladder(std::vector<OperatingPoint> points) {
  for (OperatingPoint& point : points) {
    const bool exact = point.codec.id == CodecId::raw32;
    point.agreement = exact ? 100 : std::min(point.agreement, max_coded_agreement);
  }
  // Coarsest first, of equal sizes the better first: a point stays if it is better than all that
  // are no larger.
  std::sort(points.begin(), points.end(), [](const OperatingPoint& a, const OperatingPoint& b) {
    const double bits_a = size_of(a.codec), bits_b = size_of(b.codec);
    if (bits_a != bits_b) return bits_a < bits_b;
    if (a.agreement != b.agreement) return a.agreement > b.agreement;
    return a.codec.id < b.codec.id;
  });
  Ladder ladder;
  for (const OperatingPoint& point : points) {
    if (!ladder.empty() && point.agreement <= ladder.back().agreement) continue;
    // Of two that can take the same (tah and tah2), the better one.
    if (!ladder.empty() && !takes_fewer_bytes(ladder.back().codec, point.codec)) ladder.pop_back();
    ladder.push_back(point);
  }
  std::reverse(ladder.begin(), ladder.end());
  return ladder;
}

const Ladder& default_ladder() {
  static const Ladder ladder = {
      {{CodecId::raw32, 32}, 100},          {{CodecId::raw16, 16}, 99.99},
      {{CodecId::ptq, 8}, 98.473},          {{CodecId::ptq, 7}, 98},
      {{CodecId::ds_aciq_plus, 6}, 96.418}, {{CodecId::ptq, 5}, 92.764},
      {{CodecId::ds_aciq_plus, 4}, 86.036}, {{CodecId::ds_aciq_plus, 3}, 71.891},
      {{CodecId::ds_aciq_plus, 2}, 53.491},
  };
  return ladder;
}

std::string ladder_to_json(const Ladder& ladder) {
  // One point per line, for editing by hand.
  std::string text = "{\"schema\": \"quantring.ladder/1\", \"ladder\": [";
  for (std::size_t i = 0; i < ladder.size(); ++i) {
    const nlohmann::ordered_json entry = {{"codec", codec_name(ladder[i].codec.id)},
                                          {"bits", shortest_number(width_bits(ladder[i].codec))},
                                          {"agreement", ladder[i].agreement}};
    text += fmt::format("{}\n  {}", i == 0 ? "" : ",", entry.dump());
  }
  return text + "\n]}\n";
}

Ladder ladder_from_json(const std::string& text) {
  if (text.size() > max_json_bytes)
    throw Error(
        fmt::format("a ladder has at most {} bytes of JSON, this one has more", max_json_bytes));
  const json value = try_parse_json(text);
  if (value.is_discarded()) throw Error("not JSON: a ladder is a JSON file");
  const auto found = value.is_object() ? value.find("ladder") : value.end();
  if (found == value.end() || !found->is_array() || found->empty())
    throw Error("a ladder is {\"ladder\": [{\"codec\": \"ptq\", \"bits\": 8, \"agreement\": 99}]}");
  if (found->size() > max_points)
    throw Error(fmt::format("a ladder has at most {} entries, not {}", max_points, found->size()));
  std::vector<OperatingPoint> points;
  for (const json& entry : *found) {
    const OperatingPoint point = point_from(entry, points.size() + 1);
    const auto same = std::find_if(points.begin(), points.end(), [&](const OperatingPoint& other) {
      return other.codec == point.codec;
    });
    if (same != points.end())
      throw Error(fmt::format("ladder entry {}: {} is entry {} already", points.size() + 1,
                              codec_text(point.codec), same - points.begin() + 1));
    points.push_back(point);
  }
  return make_ladder(std::move(points));
}

Ladder read_ladder(const std::string& path) {
  std::ifstream file = open_file(path);
  // One byte more than the limit, to detect longer files.
  std::string text(max_json_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  try {
    return ladder_from_json(text);
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", path, error.what()));
  }
}

}  // namespace quantring
