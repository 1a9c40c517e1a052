#pragma once
// Position embeddings for another grid of patches.

#include <vector>

namespace quantring::weights {

struct Grid {
  int height = 0, width = 0;  // patches
  bool operator==(const Grid&) const = default;
};

// values: [from.height * from.width, dim], row by row -> [to.height * to.width, dim]. Bicubic
// (a = -0.5) with antialiasing, half-pixel centres: torch.nn.functional.interpolate(mode="bicubic",
// antialias=True, align_corners=False), as timm's resample_abs_pos_embed. Sums in double.
std::vector<float> resample_position(const std::vector<float>& values, Grid from, Grid to, int dim);

}  // namespace quantring::weights
