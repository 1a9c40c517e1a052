#pragma once
// How a tensor of the model file is made out of tensors of the checkpoint.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weights_tools/formats/checkpoint.h"
#include "weights_tools/convert/position.h"

namespace quantring::weights {

// One block of rows of the result. A checkpoint tensor is seen as a matrix; parts stand one below
// the other.
struct Part {
  enum class Layout {
    rows,        // as stored: [rows, columns] after its dimensions are merged
    transposed,  // stored as [columns, rows]: Flax kernels [in, out], [in, heads, d], [heads, d,
                 // out]
    hwio,        // Flax convolution [h, w, in, out] -> [out, in, h, w]
  };
  std::string source;  // tensor of the checkpoint; empty: zeros
  Layout layout = Layout::rows;
  std::int64_t rows = 0, columns = 0;  // of this part in the result
  std::int64_t first_row = 0;          // of the tensor (after the layout) where this part begins
  // A part of each row (Layout::rows only): rows of the tensor are stored_columns long, this part
  // begins at first_column. 0: whole rows, as long as columns.
  std::int64_t stored_columns = 0, first_column = 0;
  std::optional<GridResize> resample;  // rows are a grid of positions
};

using Recipe = std::vector<Part>;

// The values, f32, row-major. Memory: the result and one checkpoint tensor. Throws Error of
// Checkpoint::read; std::logic_error for a recipe that does not fit its tensors (the reader of the
// naming has checked them).
std::vector<float> cook(const Recipe& recipe, const Checkpoint& checkpoint);

}  // namespace quantring::weights
