#pragma once
// What calibration learns of the residual stream at a cut from many pictures.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/calibration/activation_gradients.h"
#include "engine/calibration/outer_products.h"
#include "engine/model/model_file.h"
#include "ops/context.h"

namespace quantring {

// The matrices are of patch tokens only, the mean over pictures and tokens.
struct CutStatistics {
  std::vector<float> mean;         // [tokens, dim], of each position
  std::vector<double> covariance;  // [dim, dim], of x - mean
  std::vector<double> fisher;      // [dim, dim], of g g'; g: gradient of log p(y)
  std::size_t images = 0;
};

// In one pass: from every picture the mean of the first ones is subtracted before squaring, so that
// little is left to be corrected at the end, and nothing cancels where means are large.
class StatisticsSum {
 public:
  // context: the CPU; it must outlive this object. The first `prefix` tokens are not patches.
  StatisticsSum(Context& context, std::int64_t tokens, std::int64_t prefix, std::int64_t dim,
                std::size_t cuts);

  // cut: index of the cut; x and g: [images, tokens, dim] there.
  void add(std::size_t cut, std::span<const float> x, std::span<const float> g);

  CutStatistics result(std::size_t cut) const;  // throws std::logic_error if nothing was added

 private:
  struct Sums {
    std::size_t images = 0;
    std::vector<float> shift;        // [tokens, dim], mean of the first pictures
    std::vector<double> shifted;     // [tokens, dim], sum of x - shift
    std::vector<double> products;    // [dim, dim], sum of (x - shift) (x - shift)'
    std::vector<double> g_products;  // [dim, dim], sum of g g'
  };
  std::size_t values() const { return static_cast<std::size_t>(tokens_ * dim_); }  // of a picture
  void set_shift(Sums& sums, std::span<const float> x) const;
  void subtract_shift(Sums& sums, std::span<const float> x);

  Context& context_;
  std::int64_t tokens_, prefix_, dim_;
  std::vector<Sums> cuts_;
  OuterProducts outer_;
  std::vector<float> rows_;  // [images * patches, dim], x - shift
};

// Of a model at some of its cuts.
class ModelStatistics {
 public:
  // cuts: half-block indices from 1 to half_blocks() - 1. Pictures' labels are drawn with seed,
  // seed + 1, ... in the order in which they are added. Throws Error.
  ModelStatistics(Context& context, const ModelFile& model, std::vector<int> cuts, int max_images,
                  std::uint64_t seed);

  // pixels: u8 [images, channels, height, width], up to max_images.
  void add(std::span<const std::byte> pixels, int images);

  std::size_t images() const { return images_; }
  CutStatistics result(std::size_t cut) const { return sum_.result(cut); }  // index in cuts

 private:
  std::vector<int> cuts_;
  std::uint64_t seed_;
  std::size_t images_ = 0;
  ActivationGradients gradients_;
  StatisticsSum sum_;
};

}  // namespace quantring
