#pragma once
// Which pictures a position table was made for, and which the model shall have.

#include <optional>
#include <string>
#include <vector>

#include "weights_tools/config/config.h"
#include "weights_tools/inspect/findings.h"
#include "weights_tools/convert/position.h"

namespace quantring::weights {

struct PositionRequest {
  std::string tensor;     // the table's name
  std::int64_t rows = 0;  // of it
  int patch_height = 0, patch_width = 0;
  int prefix_tokens = 0;
  std::optional<int> positioned_prefix;     // Naming::positioned_prefix
  std::optional<Fact<ImageSize>> made_for;  // of the config
  std::optional<Fact<ImageSize>> wanted;    // --image-size, or the size that pictures come in
  Resampling resampling = Resampling::antialiased;
};

struct PositionPlan {
  int prefix_rows = 0;  // rows of the table before those of the patches
  Grid from, to;        // patches in the table, and in the model
  Resampling how = Resampling::antialiased;
  ImageSize image;  // of the model
  std::vector<Finding> findings;
};

// Throws Error asking for --image-size where the table's length leaves it open, or saying why a
// size does not fit.
PositionPlan plan_positions(const PositionRequest& request);

}  // namespace quantring::weights
