#include "engine/calibration/statistics.h"

#include <algorithm>
#include <stdexcept>

#include "ops/cpu/thread_pool.h"

namespace quantring {

StatisticsSum::StatisticsSum(Context& context, std::int64_t tokens, std::int64_t prefix,
                             std::int64_t dim, std::size_t cuts)
    : context_(context),
      tokens_(tokens),
      prefix_(prefix),
      dim_(dim),
      cuts_(cuts),
      outer_(context, dim) {
  const std::size_t square = static_cast<std::size_t>(dim * dim);
  for (Sums& sums : cuts_) {
    sums.shifted.resize(values());
    sums.products.resize(square);
    sums.g_products.resize(square);
  }
}

void StatisticsSum::add(std::size_t cut, std::span<const float> x, std::span<const float> g) {
  if (x.empty() || x.size() % values() != 0 || g.size() != x.size()) {
    throw std::invalid_argument("StatisticsSum: size");
  }
  Sums& sums = cuts_.at(cut);
  const std::size_t images = x.size() / values();
  const std::int64_t patches = tokens_ - prefix_;
  if (sums.images == 0) set_shift(sums, x);
  sums.images += images;
  subtract_shift(sums, x);
  outer_.add(rows_.data(), static_cast<std::int64_t>(images) * patches, sums.products);
  for (std::size_t image = 0; image < images; ++image) {
    outer_.add(g.data() + image * values() + prefix_ * dim_, patches, sums.g_products);
  }
}

void StatisticsSum::set_shift(Sums& sums, std::span<const float> x) const {
  sums.shift.assign(values(), 0.0f);
  const float share = static_cast<float>(values()) / static_cast<float>(x.size());
  for (std::size_t first = 0; first < x.size(); first += values()) {
    for (std::size_t i = 0; i < values(); ++i) sums.shift[i] += share * x[first + i];
  }
}

void StatisticsSum::subtract_shift(Sums& sums, std::span<const float> x) {
  const auto images = static_cast<std::int64_t>(x.size() / values());
  const std::int64_t patches = tokens_ - prefix_;
  rows_.resize(static_cast<std::size_t>(images * patches * dim_));
  context_.pool().parallel_for(tokens_, [&](std::int64_t token, int) {
    const float* const shift = sums.shift.data() + token * dim_;
    double* const shifted = sums.shifted.data() + token * dim_;
    for (std::int64_t image = 0; image < images; ++image) {
      const float* const source = x.data() + (image * tokens_ + token) * dim_;
      for (std::int64_t i = 0; i < dim_; ++i) {
        shifted[i] += static_cast<double>(source[i]) - static_cast<double>(shift[i]);
      }
      if (token < prefix_) continue;
      float* const row = rows_.data() + (image * patches + token - prefix_) * dim_;
      for (std::int64_t i = 0; i < dim_; ++i) row[i] = source[i] - shift[i];
    }
  });
}

CutStatistics StatisticsSum::result(std::size_t cut) const {
  const Sums& sums = cuts_.at(cut);
  if (sums.images == 0) throw std::logic_error("statistics of no pictures");
  const auto dim = static_cast<std::size_t>(dim_);
  const double images = static_cast<double>(sums.images);
  const double rows = images * static_cast<double>(tokens_ - prefix_);
  CutStatistics result;
  result.images = sums.images;
  std::vector<double> means = sums.shifted;  // of x - shift
  for (std::size_t i = 0; i < values(); ++i) {
    means[i] /= images;
    result.mean.push_back(static_cast<float>(static_cast<double>(sums.shift[i]) + means[i]));
  }
  // sum of (x - mean) (x - mean)' = sum of (x - shift) (x - shift)' - images (mean - shift) (..)'
  result.covariance = sums.products;
  for (std::int64_t token = prefix_; token < tokens_; ++token) {
    const double* const mean = means.data() + token * dim_;
    for (std::size_t r = 0; r < dim; ++r) {
      const double factor = images * mean[r];
      double* const row = result.covariance.data() + r * dim;
      for (std::size_t c = r; c < dim; ++c) row[c] -= factor * mean[c];
    }
  }
  result.fisher = sums.g_products;
  for (std::vector<double>* const matrix : {&result.covariance, &result.fisher}) {
    for (std::size_t r = 0; r < dim; ++r) {
      for (std::size_t c = r; c < dim; ++c) {
        (*matrix)[r * dim + c] /= rows;
        (*matrix)[c * dim + r] = (*matrix)[r * dim + c];
      }
    }
  }
  return result;
}

ModelStatistics::ModelStatistics(Context& context, const ModelFile& model, std::vector<int> cuts,
                                 int max_images, std::uint64_t seed)
    : cuts_(std::move(cuts)),
      seed_(seed),
      gradients_(context, model, max_images),
      sum_(context, model.architecture().tokens(), model.architecture().prefix_tokens(),
           model.architecture().dim, cuts_.size()) {
  for (const int cut : cuts_) {
    if (cut < 1 || cut >= model.architecture().half_blocks()) {
      throw std::invalid_argument("ModelStatistics: cut");
    }
  }
}

void ModelStatistics::add(std::span<const std::byte> pixels, int images) {
  gradients_.run(pixels, images, seed_ + images_,
                 [&](int cut, std::span<const float> x, std::span<const float> g) {
                   const auto place = std::find(cuts_.begin(), cuts_.end(), cut);
                   if (place == cuts_.end()) return;
                   sum_.add(static_cast<std::size_t>(place - cuts_.begin()), x, g);
                 });
  images_ += static_cast<std::size_t>(images);
}

}  // namespace quantring
