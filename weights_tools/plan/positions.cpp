#include "weights_tools/plan/positions.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "ops/base/error.h"

namespace quantring::weights {
namespace {

struct Candidate {
  int prefix_rows;
  Grid grid;
};

constexpr std::int64_t max_side = 8192;  // patches; above any image that QuantRing can run

std::string text(ImageSize size) {
  return fmt::format("{}x{}", size.height, size.width);
}
std::string text(Grid grid) {
  return fmt::format("{}x{}", grid.height, grid.width);
}

// The possible numbers of rows before those of the patches.
std::set<int> possible_prefixes(const PositionRequest& r) {
  if (r.positioned_prefix) return {std::min(*r.positioned_prefix, r.prefix_tokens)};
  return {0, r.prefix_tokens};
}

// The grid of an image size, if the table has as many rows.
std::optional<Candidate> fit(const PositionRequest& r, ImageSize size) {
  const Grid grid = {size.height / r.patch_height, size.width / r.patch_width};
  for (const int prefix : possible_prefixes(r)) {
    if (r.rows - prefix == std::int64_t{grid.height} * grid.width) return Candidate{prefix, grid};
  }
  return std::nullopt;
}

std::vector<Candidate> squares(const PositionRequest& r) {
  std::vector<Candidate> found;
  for (const int prefix : possible_prefixes(r)) {
    const std::int64_t rows = r.rows - prefix;
    if (rows < 1 || rows > max_side * max_side) continue;
    const auto side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(rows))));
    if (std::int64_t{side} * side == rows) found.push_back({prefix, {side, side}});
  }
  return found;
}

// option: the size is that of --image-size.
void check_size(const PositionRequest& r, const Fact<ImageSize>& fact, bool option) {
  const ImageSize size = fact.value;
  const std::int64_t limit = max_side * std::min(r.patch_height, r.patch_width);
  const bool sound = size.height > 0 && size.width > 0 && size.height <= limit &&
                     size.width <= limit && size.height % r.patch_height == 0 &&
                     size.width % r.patch_width == 0;
  if (sound) return;
  const std::string error = fmt::format("{}: {} is not a whole number of patches of {}x{}",
                                        fact.source, text(size), r.patch_height, r.patch_width);
  if (option) throw OptionError(error);
  throw Error(error);
}

// The only possible square grid; any other grid needs an image size.
Candidate only_square(const PositionRequest& r) {
  const auto found = squares(r);
  if (found.size() == 1) return found[0];
  const std::string beside = r.prefix_tokens == 0
                                 ? std::string()
                                 : fmt::format(" for {} token{} and the patches", r.prefix_tokens,
                                               r.prefix_tokens == 1 ? "" : "s");
  if (found.empty()) {
    throw OptionError(fmt::format(
        "'{}' has {} rows{}, which is not a square grid: give the checkpoint's image size with "
        "--image-size HEIGHTxWIDTH",
        r.tensor, r.rows, beside));
  }
  throw OptionError(fmt::format(
      "'{}' has {} rows{}, which can be {} or {} patches: give the checkpoint's image size with "
      "--image-size",
      r.tensor, r.rows, beside, text(found[0].grid), text(found[1].grid)));
}

struct Choice {
  Candidate table;
  ImageSize image;
  std::string source;
};

Choice choose(const PositionRequest& r) {
  const std::string shape = fmt::format("shape of '{}', taken as square", r.tensor);
  if (r.wanted) {
    check_size(r, *r.wanted, r.wanted_by_option);
    const auto by_config = r.table_size ? fit(r, r.table_size->value) : std::nullopt;
    // A square takes precedence: nearly all checkpoints have one, and the wanted size may have the
    // same number of patches by coincidence.
    const auto by_wanted = squares(r).size() == 1 ? std::nullopt : fit(r, r.wanted->value);
    const Candidate table = by_config ? *by_config : by_wanted ? *by_wanted : only_square(r);
    return {table, r.wanted->value, r.wanted->source};
  }
  if (r.table_size) {
    check_size(r, *r.table_size, false);
    if (const auto table = fit(r, r.table_size->value)) {
      return {*table, r.table_size->value, r.table_size->source};
    }
    throw Error(fmt::format(
        "{} gives images of {}, but '{}' has {} rows, not those of {} patches: add --image-size "
        "with the size for the model",
        r.table_size->source, text(r.table_size->value), r.tensor, r.rows,
        text(Grid{r.table_size->value.height / r.patch_height,
                  r.table_size->value.width / r.patch_width})));
  }
  const Candidate table = only_square(r);
  const ImageSize image = {table.grid.height * r.patch_height, table.grid.width * r.patch_width};
  return {table, image, shape};
}

}  // namespace

PositionPlan plan_positions(const PositionRequest& r) {
  const Choice choice = choose(r);
  PositionPlan plan;
  plan.prefix_rows = choice.table.prefix_rows;
  plan.from = choice.table.grid;
  plan.image = choice.image;
  plan.how = r.resampling;
  plan.to = {plan.image.height / r.patch_height, plan.image.width / r.patch_width};
  plan.findings.push_back({"image", text(plan.image), choice.source});
  const std::string who = plan.prefix_rows == r.prefix_tokens && r.prefix_tokens > 0 ? "every token"
                          : plan.prefix_rows == 0
                              ? "the patches only"
                              : fmt::format("the first {} and the patches", plan.prefix_rows);
  plan.findings.push_back({"positions", fmt::format("of {}, {}", who, text(plan.from)),
                           fmt::format("shape of '{}'", r.tensor)});
  if (!(plan.from == plan.to)) {
    plan.findings.push_back(
        {"positions resized",
         fmt::format("{} -> {}, bicubic, {}antialiased", text(plan.from), text(plan.to),
                     r.resampling == Resampling::antialiased ? "" : "not "),
         choice.source});
  }
  return plan;
}

}  // namespace quantring::weights
