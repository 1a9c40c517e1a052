#pragma once
// The image sizes of a table of position embeddings and of the model.

#include <optional>
#include <string>
#include <vector>

#include "weights_tools/base/findings.h"
#include "weights_tools/config/config.h"
#include "weights_tools/recipe/position.h"

namespace quantring::weights {

struct PositionRequest {
  std::string tensor;     // name of the table
  std::int64_t rows = 0;  // of the table
  int patch_height = 0, patch_width = 0;
  int prefix_tokens = 0;
  std::optional<int> positioned_prefix;       // Naming::positioned_prefix
  std::optional<Fact<ImageSize>> table_size;  // of the config
  std::optional<Fact<ImageSize>> wanted;      // --image-size, or the size of preprocessed pictures
  bool wanted_by_option = false;              // wanted is that of --image-size
  Resampling resampling = Resampling::antialiased;
};

struct PositionPlan {
  int prefix_rows = 0;  // rows of the table before those of the patches
  Grid from, to;        // patches in the table, and in the model
  Resampling how = Resampling::antialiased;
  ImageSize image;  // of the model
  std::vector<Finding> findings;
};

// Throws OptionError if --image-size is needed, since the length of the table is ambiguous, or is
// not a whole number of patches; Error if the config's size does not fit.
PositionPlan plan_positions(const PositionRequest& request);

}  // namespace quantring::weights
