#include "engine/calibration/klt_rate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace quantring {
namespace {

// Weight of a bit against a squared error in steps, when magnitudes are chosen: 0.12 gave the best
// agreement of 0.0001, 0.06, 0.12, 0.2 at one bit on six stages of DeiT-Tiny.
constexpr double bit_weight = 0.12;
constexpr float first_rounding = 0.35F;  // before there are tables: magnitude + this, rounded down
// A class is a range of mean magnitudes, 3.6 to the octave from 2^-13.3 on.
constexpr double octave = 3.6, lowest = 13.3;
// Never coded: of 2500 coefficients one is not 0.
constexpr double negligible = 4e-4;
constexpr double prior_count = 20;  // of a Laplace distribution, with which a table begins
constexpr std::size_t magnitudes = klt_escape + 1;
constexpr double step_tolerance = 0.004;  // of the rate
constexpr int step_tries = 16;
constexpr std::size_t step_images = 24;

std::size_t class_of(double mean) {
  const double place = (std::log2(std::clamp(mean, 1e-4, 16.0)) + lowest) * octave;
  return static_cast<std::size_t>(std::clamp(place, 0.0, klt_classes - 1.0));
}

// P(|q| = m) of a two-sided geometric distribution with the class's mean magnitude.
double laplace(std::size_t c, std::size_t m) {
  const double mean = std::exp2((static_cast<double>(c) + 0.5) / octave - lowest);
  const double ratio = (std::sqrt(1 + mean * mean) - 1) / mean;
  const double p = (1 - ratio) / (1 + ratio) * std::pow(ratio, static_cast<double>(m));
  return m == 0 ? p : 2 * p;
}

// A lane costs 4 bytes of an image: below 2 % of them.
int lanes_for(double bytes) {
  const auto lanes = static_cast<int>(std::min(bytes / 208, 1e4)) + 1;
  if (lanes < max_rans_lanes)
    return std::max(4, static_cast<int>(std::bit_floor(static_cast<unsigned>(lanes))));
  return std::min(lanes / max_rans_lanes, max_klt_streams) * max_rans_lanes;
}

class RateFit {
 public:
  RateFit(const KltTables& tables, const KltCoefficients& coefficients, std::size_t images)
      : tables_(tables),
        shape_(tables.shape),
        prefix_count_(shape_.prefix * shape_.dim),
        patch_count_(shape_.patches() * shape_.dim),
        images_(std::min(images, coefficients.images)),
        prefix_(coefficients.prefix.data()),
        patches_(coefficients.patches.data()),
        classes_(klt_bands * shape_.dim),
        prefix_classes_(prefix_count_) {}

  // Returns bits an element.
  double fit(float step, float prefix_step) {
    step_ = step;
    prefix_step_ = prefix_step;
    thresholds_.clear();
    for (int pass = 0; pass < 3; ++pass) {
      if (pass > 0) set_thresholds();
      quantize();
      classify();
      count();
    }
    return bits() / static_cast<double>(images_ * (prefix_count_ + patch_count_));
  }

  KltRate result(int width) const {
    KltRate rate;
    rate.width = width;
    rate.step = step_;
    rate.prefix_step = prefix_step_;
    rate.points = points_;
    for (std::size_t i = 0; i < classes_.size(); ++i)
      if (classes_[i] != klt_never_coded)
        rate.components = std::max(rate.components, i % shape_.dim + 1);
    for (std::size_t b = 0; b < klt_bands; ++b) {
      const auto row = classes_.begin() + static_cast<std::ptrdiff_t>(b * shape_.dim);
      rate.classes.insert(rate.classes.end(), row,
                          row + static_cast<std::ptrdiff_t>(rate.components));
    }
    rate.prefix_classes = prefix_classes_;
    rate.frequencies = frequencies();
    rate.thresholds = thresholds_of(rate.frequencies);
    rate.lanes = lanes_for(width * 0.25 / 8 * static_cast<double>(prefix_count_ + patch_count_));
    rate.synthesis.assign(
        tables_.synthesis.begin(),
        tables_.synthesis.begin() + static_cast<std::ptrdiff_t>(rate.components * shape_.dim));
    return rate;
  }

 private:
  static std::size_t quantized(float magnitude, const float* thresholds) {
    if (thresholds == nullptr) return static_cast<std::size_t>(magnitude + first_rounding);
    std::size_t m = 0;
    while (m < klt_escape - 1 && magnitude >= thresholds[m]) ++m;
    return m < klt_escape - 1 ? m : std::max(m, static_cast<std::size_t>(magnitude + 0.5F));
  }

  const float* thresholds(std::uint8_t c) const {
    if (thresholds_.empty()) return nullptr;
    return thresholds_.data() + c * (klt_escape - 1UL);
  }

  std::size_t patch_class(std::size_t position) const {
    return tables_.bands[position / shape_.dim] * shape_.dim + position % shape_.dim;
  }

  void quantize() {
    prefix_q_.resize(images_ * prefix_count_);
    patches_q_.resize(images_ * patch_count_);
    const auto code = [&](float value, float step, std::uint8_t c) {
      if (!thresholds_.empty() && c == klt_never_coded) return std::uint16_t{0};
      const std::size_t m = quantized(std::fabs(value) / step, thresholds(c));
      return static_cast<std::uint16_t>(std::min<std::size_t>(m, 65535));
    };
    for (std::size_t i = 0; i < prefix_q_.size(); ++i)
      prefix_q_[i] = code(prefix_[i], prefix_step_, prefix_classes_[i % prefix_count_]);
    std::array<double, 3> sums{}, counts{};
    for (std::size_t i = 0; i < patches_q_.size(); ++i) {
      patches_q_[i] = code(patches_[i], step_, classes_[patch_class(i % patch_count_)]);
      if (const std::size_t m = patches_q_[i]; m > 0) {
        const std::size_t point = std::min<std::size_t>(m, 3) - 1;
        sums[point] += std::fabs(patches_[i]) / step_ - (m > 2 ? static_cast<double>(m) : 0);
        ++counts[point];
      }
    }
    for (std::size_t i = 0; i < points_.size(); ++i)
      if (counts[i] > 0) points_[i] = static_cast<float>(sums[i] / counts[i]);
  }

  void classify() {
    std::vector<double> sums(classes_.size()), counts(classes_.size()), prefix(prefix_count_);
    for (std::size_t i = 0; i < patches_q_.size(); ++i) {
      const std::size_t c = patch_class(i % patch_count_);
      sums[c] += patches_q_[i];
      ++counts[c];
    }
    for (std::size_t i = 0; i < prefix_q_.size(); ++i) prefix[i % prefix_count_] += prefix_q_[i];
    const auto chosen = [](double mean) {
      return mean < negligible ? klt_never_coded : static_cast<std::uint8_t>(class_of(mean));
    };
    for (std::size_t c = 0; c < classes_.size(); ++c)
      classes_[c] = chosen(counts[c] > 0 ? sums[c] / counts[c] : 0);
    for (std::size_t i = 0; i < prefix_count_; ++i)
      prefix_classes_[i] = chosen(prefix[i] / static_cast<double>(images_));
  }

  // What remains of a never coded coefficient is lost, also from `patches_q_`.
  void count() {
    counts_.assign(klt_classes * magnitudes, 0);
    escape_bits_ = 0;
    for (std::size_t c = 0; c < klt_classes; ++c)
      for (std::size_t m = 0; m < magnitudes; ++m)
        counts_[c * magnitudes + m] = prior_count * laplace(c, m);
    for (std::size_t i = 0; i < patches_q_.size(); ++i)
      add(classes_[patch_class(i % patch_count_)], patches_q_[i]);
    for (std::size_t i = 0; i < prefix_q_.size(); ++i)
      add(prefix_classes_[i % prefix_count_], prefix_q_[i]);
  }

  void add(std::uint8_t c, std::uint16_t m) {
    if (c == klt_never_coded) return;
    ++counts_[c * magnitudes + std::min<std::size_t>(m, klt_escape)];
    // Behind the first of an escaped value's parts (engine/codec/klt/coefficients.cpp).
    for (int rest = (2 * (m - klt_escape) + 1) >> 4; rest > 0; rest >>= 4) escape_bits_ += 5;
  }

  // Of the symbols counted, with the tables as they are stored.
  double bits() const {
    const std::vector<std::uint16_t> sizes = frequencies();
    double total = escape_bits_;
    for (std::size_t c = 0; c < klt_classes; ++c)
      for (std::size_t m = 0; m < magnitudes; ++m)
        total +=
            (counts_[c * magnitudes + m] - prior_count * laplace(c, m)) * symbol_bits(sizes, c, m);
    return total;
  }

  static double symbol_bits(const std::vector<std::uint16_t>& sizes, std::size_t c, std::size_t m) {
    const std::size_t symbol = m == 0 ? 0 : m == klt_escape ? klt_symbols - 1 : 2 * m - 1;
    // An escaped value has at least one part of five bits.
    return rans_bits - std::log2(sizes[c * klt_symbols + symbol]) + (m == klt_escape ? 5 : 0);
  }

  std::vector<std::uint16_t> frequencies() const {
    std::vector<std::uint16_t> sizes(klt_classes * klt_symbols);
    for (std::size_t c = 0; c < klt_classes; ++c) {
      const double* const counts = counts_.data() + c * magnitudes;
      const double total = std::accumulate(counts, counts + magnitudes, 0.0);
      std::uint16_t* const row = sizes.data() + c * klt_symbols;
      const auto share = [&](std::size_t m) {
        return counts[m] / total * (rans_total - klt_symbols);
      };
      row[0] = static_cast<std::uint16_t>(1 + share(0));
      for (std::size_t m = 1; m < klt_escape; ++m)
        row[2 * m - 1] = row[2 * m] = static_cast<std::uint16_t>(1 + share(m) / 2);
      row[klt_symbols - 1] = static_cast<std::uint16_t>(1 + share(klt_escape));
      const std::uint32_t used = std::accumulate(row, row + klt_symbols, 0U);
      *std::max_element(row, row + klt_symbols) += static_cast<std::uint16_t>(rans_total - used);
    }
    return sizes;
  }

  // Where (a - point(m))^2 + bit_weight * bits(m) becomes smaller for m + 1 than for m.
  std::vector<float> thresholds_of(const std::vector<std::uint16_t>& sizes) const {
    std::vector<float> result;
    for (std::size_t c = 0; c < klt_classes; ++c) {
      float before = 0;
      for (std::size_t m = 0; m + 1 < klt_escape; ++m) {
        const double a = point(m), b = point(m + 1);
        const double extra = symbol_bits(sizes, c, m + 1) - symbol_bits(sizes, c, m);
        const double place =
            b > a ? (b * b - a * a + bit_weight * extra) / (2 * (b - a)) : static_cast<double>(m);
        // Between its neighbours: tables of few counts are rough.
        before =
            std::clamp(static_cast<float>(place), std::max(before, static_cast<float>(m) + 0.25F),
                       static_cast<float>(m) + 2.0F);
        result.push_back(before);
      }
    }
    return result;
  }

  double point(std::size_t m) const {
    if (m == 0) return 0;
    return m <= 2 ? points_[m - 1] : static_cast<double>(m) + points_[2];
  }

  void set_thresholds() { thresholds_ = thresholds_of(frequencies()); }

  const KltTables& tables_;
  const KltShape shape_;
  std::size_t prefix_count_, patch_count_, images_;
  const float* prefix_;
  const float* patches_;
  float step_ = 0, prefix_step_ = 0;
  std::array<float, 3> points_ = {1, 2, 0};
  std::vector<std::uint8_t> classes_, prefix_classes_;
  std::vector<float> thresholds_;
  std::vector<std::uint16_t> prefix_q_, patches_q_;  // magnitudes
  std::vector<double> counts_;
  double escape_bits_ = 0;
};

}  // namespace

KltRate fit_klt_rate(const KltTables& tables, const KltCoefficients& coefficients, int width) {
  // The class token counts for more than a patch: 16 times finer at half a bit, else 8.
  const float finer = width <= 3 ? 16 : 8;
  const double wanted = 0.25 * width;
  double squares = 0;
  for (const float value : coefficients.patches) squares += double{value} * value;
  const double rms = std::sqrt(squares / static_cast<double>(coefficients.patches.size()));
  double low = rms / 256, high = rms * 64;
  if (!(rms > 0)) low = high = 1;
  RateFit few(tables, coefficients, step_images);
  for (int i = 0; i < step_tries && high > low; ++i) {
    const double step = std::sqrt(low * high);
    const double bits = few.fit(static_cast<float>(step), static_cast<float>(step) / finer);
    if (std::fabs(bits - wanted) < step_tolerance * wanted) low = high = step;
    if (bits > wanted) low = step;
    if (bits < wanted) high = step;
  }
  RateFit all(tables, coefficients, coefficients.images);
  const auto step = static_cast<float>(std::sqrt(low * high));
  all.fit(step, step / finer);
  return all.result(width);
}

}  // namespace quantring
