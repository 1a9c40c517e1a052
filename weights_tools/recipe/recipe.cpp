#include "weights_tools/recipe/recipe.h"

#include <fmt/format.h>

#include <stdexcept>

namespace quantring::weights {
namespace {

void require(bool fits, const Part& part) {
  if (!fits) throw std::logic_error(fmt::format("a recipe does not fit tensor '{}'", part.source));
}

// Rows [part.first_row, part.first_row + rows) of a tensor, after its layout, appended to out.
void append_rows(const Part& part, std::int64_t rows, const std::vector<float>& values,
                 const std::vector<std::int64_t>& shape, std::vector<float>& out) {
  const bool whole = part.stored_columns == 0;
  const std::int64_t length = whole ? part.columns : part.stored_columns;
  const auto size = static_cast<std::int64_t>(values.size());
  require(part.columns > 0 && length > 0 && part.first_row >= 0 && size % length == 0, part);
  require(whole ? part.first_column == 0
                : part.layout == Part::Layout::rows && part.first_column >= 0 &&
                      part.columns <= length && part.first_column <= length - part.columns,
          part);
  const std::int64_t all_rows = size / length, end = part.first_row + rows;
  require(part.first_row <= all_rows && rows <= all_rows - part.first_row, part);
  switch (part.layout) {
    case Part::Layout::rows:
      for (std::int64_t row = part.first_row; row < end; ++row) {
        const auto begin = values.begin() + row * length + part.first_column;
        out.insert(out.end(), begin, begin + part.columns);
      }
      return;
    case Part::Layout::transposed:
      for (std::int64_t row = part.first_row; row < end; ++row) {
        for (std::int64_t column = 0; column < part.columns; ++column)
          out.push_back(values[column * all_rows + row]);
      }
      return;
    case Part::Layout::hwio: {
      require(shape.size() == 4 && shape[3] == all_rows, part);
      const std::int64_t area = shape[0] * shape[1], in = shape[2];
      require(area * in == part.columns, part);
      for (std::int64_t row = part.first_row; row < end; ++row) {
        for (std::int64_t channel = 0; channel < in; ++channel) {
          for (std::int64_t place = 0; place < area; ++place)
            out.push_back(values[(place * in + channel) * all_rows + row]);
        }
      }
      return;
    }
  }
}

}  // namespace

std::vector<float> assemble(const Recipe& recipe, const Checkpoint& checkpoint) {
  std::vector<float> out, values;
  std::size_t total = 0;
  for (const Part& part : recipe) {
    require(part.rows >= 0 && part.columns >= 0, part);
    total += static_cast<std::size_t>(part.rows * part.columns);
  }
  out.reserve(total);
  std::string loaded;  // the tensor of these values: consecutive parts often come from one
  for (const Part& part : recipe) {
    if (part.source.empty()) {
      out.resize(out.size() + static_cast<std::size_t>(part.rows * part.columns), 0.0f);
      continue;
    }
    if (loaded != part.source) {
      values = {};  // freed before the next is read
      values = checkpoint.read(part.source);
      loaded = part.source;
    }
    const auto& shape = checkpoint.tensors().at(part.source).shape;
    if (!part.resample) {
      append_rows(part, part.rows, values, shape, out);
      continue;
    }
    const Grid from = part.resample->from, to = part.resample->to;
    require(part.rows == std::int64_t{to.height} * to.width, part);
    std::vector<float> grid;
    append_rows(part, std::int64_t{from.height} * from.width, values, shape, grid);
    grid = resample_position(grid, *part.resample, static_cast<int>(part.columns));
    out.insert(out.end(), grid.begin(), grid.end());
  }
  return out;
}

}  // namespace quantring::weights
