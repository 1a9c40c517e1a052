#pragma once
// How a tensor of the model file is assembled from tensors of the checkpoint.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weights_tools/formats/checkpoint.h"
#include "weights_tools/recipe/position.h"

namespace quantring::weights {

// One block of rows of the result. A checkpoint tensor is taken as a matrix; parts are stacked from
// top to bottom.
struct Part {
  enum class Layout {
    rows,        // as stored: [rows, columns] after its dimensions are merged
    transposed,  // stored as [columns, rows]: Flax kernels [in, out], [in, heads, d] and
                 // [heads, d, out]
    hwio,        // Flax convolution [h, w, in, out] -> [out, in, h, w]
  };
  std::string source;  // tensor of the checkpoint; empty: zeros
  Layout layout = Layout::rows;
  std::int64_t rows = 0, columns = 0;  // of this part in the result
  std::int64_t first_row = 0;          // of the tensor (after the layout is applied)
  // A range of columns (Layout::rows only): rows of the tensor are stored_columns long, this part
  // begins at first_column. 0: whole rows.
  std::int64_t stored_columns = 0, first_column = 0;
  std::optional<GridResize> resample;  // rows are a grid of positions
};

using Recipe = std::vector<Part>;

// The values, f32, row-major. Memory: the result and one checkpoint tensor. Throws as
// Checkpoint::read, and std::logic_error for a recipe that does not fit its tensors, which
// plan_conversion has checked.
std::vector<float> assemble(const Recipe& recipe, const Checkpoint& checkpoint);

}  // namespace quantring::weights
