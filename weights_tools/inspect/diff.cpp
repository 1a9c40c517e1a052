#include "weights_tools/inspect/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

#include "engine/image/preprocess_json.h"
#include "engine/model/model_file.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "weights_tools/model/is_model_file.h"

namespace quantring::weights {
namespace {

using nlohmann::json;

constexpr double infinity = std::numeric_limits<double>::infinity();

TensorDifference compare(const std::string& name, const std::vector<float>& a,
                         const std::vector<float>& b) {
  TensorDifference difference{name};
  double squares = 0, squares_a = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    squares_a += double{a[i]} * a[i];
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    double distance = std::fabs(double{a[i]} - b[i]);
    if (std::isnan(distance)) distance = infinity;
    difference.max_difference = std::max(difference.max_difference, distance);
    squares += distance * distance;
  }
  difference.relative_l2 = std::sqrt(squares / squares_a);
  if (squares == 0) difference.relative_l2 = 0;
  if (std::isnan(difference.relative_l2)) difference.relative_l2 = infinity;
  return difference;
}

TensorDifference compare(const std::string& name, const Checkpoint& a, const Checkpoint& b) {
  try {
    return compare(name, a.read(name), b.read(name));
  } catch (const std::bad_alloc&) {
    throw Error(fmt::format("not enough memory for tensor '{}' of both files", name));
  }
}

void compare_tensors(const Checkpoint& a, const Checkpoint& b, DiffReport& report) {
  for (const auto& [name, info] : b.tensors()) {
    if (!a.tensors().count(name)) report.only_b.push_back(name);
  }
  for (const auto& [name, info] : a.tensors()) {
    const auto other = b.tensors().find(name);
    if (other == b.tensors().end()) {
      report.only_a.push_back(name);
      continue;
    }
    if (info.dtype != other->second.dtype) report.dtypes.push_back(name);
    if (info.shape != other->second.shape) {
      report.shapes.push_back({name, info.shape, other->second.shape});
    } else if (!is_float_dtype(info.dtype) || !is_float_dtype(other->second.dtype)) {
      report.skipped.push_back(name);
    } else {
      const auto difference = compare(name, a, b);
      if (difference.max_difference > 0) {
        report.values.push_back(difference);
      } else {
        ++report.equal;
      }
    }
  }
  std::stable_sort(report.values.begin(), report.values.end(), [](const auto& x, const auto& y) {
    return x.max_difference > y.max_difference;
  });
}

// Keys whose values differ; a missing key is shown as "-".
void compare_objects(const std::string& what, const json& a, const json& b, DiffReport& report) {
  json keys = a;
  keys.update(b);
  const auto text = [](const json& object, const std::string& key) {
    return object.contains(key) ? object.at(key).dump() : "-";
  };
  for (const auto& [key, ignored] : keys.items()) {
    const std::string left = text(a, key), right = text(b, key);
    if (left != right) report.facts.push_back(fmt::format("{}.{}: {}, {}", what, key, left, right));
  }
}

void compare_models(const ModelFile& a, const ModelFile& b, DiffReport& report) {
  compare_objects("architecture", try_parse_json(architecture_to_json(a.architecture())),
                  try_parse_json(architecture_to_json(b.architecture())), report);
  compare_objects("preprocess", try_parse_json(preprocess_to_json(a.preprocess())),
                  try_parse_json(preprocess_to_json(b.preprocess())), report);
  if (a.part() != b.part()) {
    report.facts.push_back(
        fmt::format("blocks in the file: {}, {}", range_text(a.part()), range_text(b.part())));
  }
  const auto &left = a.labels(), &right = b.labels();
  if (left.size() != right.size()) {
    report.facts.push_back(fmt::format("labels: {} names, {} names", left.size(), right.size()));
  }
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (left[i] == right[i]) continue;
    report.facts.push_back(fmt::format("labels.{}: {}, {}", i, left[i], right[i]));
  }
}

}  // namespace

bool DiffReport::same() const {
  return only_a.empty() && only_b.empty() && shapes.empty() && values.empty() && facts.empty();
}

DiffReport diff(const std::filesystem::path& a, const std::filesystem::path& b,
                const std::string& part_a, const std::string& part_b) {
  DiffReport report;
  if (is_model_file(a) && is_model_file(b)) compare_models(ModelFile(a), ModelFile(b), report);
  const OpenedCheckpoint left = open_checkpoint(a, part_a), right = open_checkpoint(b, part_b);
  compare_tensors(*left.checkpoint, *right.checkpoint, report);
  return report;
}

}  // namespace quantring::weights
