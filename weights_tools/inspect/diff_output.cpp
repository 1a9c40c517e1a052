#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "weights_tools/inspect/diff.h"
#include "weights_tools/inspect/inspect_checkpoint.h"
#include "weights_tools/inspect/text_table.h"
#include "ops/base/json.h"

namespace quantring::weights {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// A heading, and the first lines of what it is about; nothing if there is nothing.
std::string section(const std::string& heading, Rows rows, std::size_t limit) {
  if (rows.empty()) return {};
  const std::size_t all = rows.size();
  if (limit > 0 && all > limit) rows.resize(limit);
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

std::string diff_text(const DiffReport& report, std::size_t limit) {
  Rows shapes, values;
  for (const auto& shape : report.shapes) {
    shapes.push_back({shape.name, shape_text(shape.a), shape_text(shape.b)});
  }
  for (const auto& value : report.values) {
    values.push_back({value.name, fmt::format("largest {:.3g}", value.largest),
                      fmt::format("relative L2 {:.3g}", value.relative_l2)});
  }
  std::string text = section("the models differ:", as_rows(report.facts), limit) +
                     section("only in A:", as_rows(report.only_a), limit) +
                     section("only in B:", as_rows(report.only_b), limit) +
                     section("other shapes:", shapes, limit) +
                     section("other values:", values, limit);
  if (!report.dtypes.empty()) {
    text += fmt::format("{} tensors are stored in different types\n", report.dtypes.size());
  }
  text += section("not compared, because they are no floats:", as_rows(report.skipped), limit);
  return text + fmt::format("{}: {} tensors have the same values, {} others\n",
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
                      {"largest", number(value.largest)},
                      {"relative_l2", number(value.relative_l2)}});
  }
  const ordered_json value = {{"same", report.same()},   {"facts", report.facts},
                              {"only_a", report.only_a}, {"only_b", report.only_b},
                              {"shapes", shapes},        {"values", values},
                              {"dtypes", report.dtypes}, {"not_compared", report.skipped},
                              {"equal", report.equal}};
  return json_text(value, 2);
}

}  // namespace quantring::weights
