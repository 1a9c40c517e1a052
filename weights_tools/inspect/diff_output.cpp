// The report of diff as text and as JSON.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/model/safetensors.h"
#include "ops/base/json.h"
#include "weights_tools/base/text_table.h"
#include "weights_tools/inspect/diff.h"

namespace quantring::weights {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// A heading and the first rows; empty if there are no rows.
std::string section(const std::string& heading, Rows rows, std::size_t max_rows) {
  if (rows.empty()) return {};
  const std::size_t all = rows.size();
  if (max_rows > 0 && all > max_rows) rows.resize(max_rows);
  for (auto& row : rows) row.front().insert(0, "  ");
  std::string text = heading + "\n" + text_table(rows, {Align::left});
  if (rows.size() < all) text += fmt::format("  ... and {} more (--all)\n", all - rows.size());
  return text;
}

Rows as_rows(const std::vector<std::string>& names) {
  Rows rows;
  for (const std::string& name : names) rows.push_back({name});
  return rows;
}

}  // namespace

std::string diff_text(const DiffReport& report, std::size_t max_rows) {
  Rows shapes, values;
  for (const auto& shape : report.shapes) {
    shapes.push_back({shape.name, shape_text(shape.a), shape_text(shape.b)});
  }
  for (const auto& value : report.values) {
    values.push_back({value.name, fmt::format("max |a - b| {:.3g}", value.max_difference),
                      fmt::format("relative L2 {:.3g}", value.relative_l2)});
  }
  std::string text = section("the models differ:", as_rows(report.facts), max_rows) +
                     section("only in A:", as_rows(report.only_a), max_rows) +
                     section("only in B:", as_rows(report.only_b), max_rows) +
                     section("different shapes:", shapes, max_rows) +
                     section("different values:", values, max_rows);
  if (!report.dtypes.empty()) {
    text += fmt::format("{} tensors are stored in different types\n", report.dtypes.size());
  }
  text += section("not compared, since they are not floats:", as_rows(report.skipped), max_rows);
  return text + fmt::format("{}: {} tensors have the same values, {} have different ones\n",
                            report.same() ? "same" : "different", report.equal,
                            report.values.size());
}

std::string diff_json(const DiffReport& report) {
  using nlohmann::ordered_json;
  // JSON has no infinity.
  const auto number = [](double value) {
    return std::isfinite(value) ? ordered_json(value) : ordered_json("inf");
  };
  auto shapes = ordered_json::array(), values = ordered_json::array();
  for (const auto& shape : report.shapes) {
    shapes.push_back({{"name", shape.name}, {"a", shape.a}, {"b", shape.b}});
  }
  for (const auto& value : report.values) {
    values.push_back({{"name", value.name},
                      {"max_difference", number(value.max_difference)},
                      {"relative_l2", number(value.relative_l2)}});
  }
  const ordered_json value = {{"schema", "quantring.weights.diff/1"},
                              {"same", report.same()},
                              {"facts", report.facts},
                              {"only_a", report.only_a},
                              {"only_b", report.only_b},
                              {"shapes", shapes},
                              {"values", values},
                              {"dtypes", report.dtypes},
                              {"not_compared", report.skipped},
                              {"equal", report.equal}};
  return json_text(value, 2);
}

}  // namespace quantring::weights
