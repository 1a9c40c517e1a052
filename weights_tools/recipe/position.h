#pragma once
// Resamples position embeddings to another grid of patches.

#include <vector>

namespace quantring::weights {

struct Grid {
  int height = 0, width = 0;  // patches
  bool operator==(const Grid&) const = default;
};

// torch.nn.functional.interpolate(mode="bicubic", align_corners=False), with:
enum class Resampling {
  antialiased,  // antialias=True (Keys' kernel, a = -0.5, widened when the grid shrinks): timm
  plain,        // antialias=False (a = -0.75, four taps, edges repeated): transformers' DINOv2
  dinov2,       // plain, with scale_factor (to + 0.1) / from: DINOv2's own code
};

struct GridResize {
  Grid from, to;
  Resampling how = Resampling::antialiased;
};

// values: [from.height * from.width, dim], row by row -> [to.height * to.width, dim]. Sums in
// double.
std::vector<float> resample_position(const std::vector<float>& values, const GridResize& resize,
                                     int dim);

}  // namespace quantring::weights
