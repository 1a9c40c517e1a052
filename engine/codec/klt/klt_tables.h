#pragma once
// What codec klt has learned about one cut of a model (`quantring calibrate`), and its transform.
//
// Patch tokens lie on a grid. Of each token the mean of its position is subtracted; a basis of the
// channels (principal components, weighted by how much the answer depends on them) gives `dim`
// components, the most important first; a 2-D DCT over the grid decorrelates each component's
// plane. Prefix tokens (class, distillation, registers) have no DCT and a finer step. All that
// influences bytes or decoded values is stored. Every device computes the same bits: products with
// a basis are of integers, and sums of the DCT are in one order.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/codec/klt/integer_matrix.h"
#include "engine/codec/klt/rans.h"

namespace quantring {

inline constexpr std::size_t klt_bands = 8;           // of frequencies, by their distance from 0
inline constexpr std::size_t klt_classes = 64;        // of coefficients, by their mean magnitude
inline constexpr std::uint8_t klt_never_coded = 255;  // instead of a class: always 0
inline constexpr int klt_escape = 15;                 // magnitudes from here on are escaped
// 0, +1, -1, +2, -2 ... -14, escape: a coefficient in units of the step
inline constexpr std::size_t klt_symbols = 2 * klt_escape;

// A coefficient is coded in one of so many streams of up to max_rans_lanes lanes each.
inline constexpr int max_klt_streams = 8;

// Symbols of a class: the first one whose share reaches into each part of [0, rans_total).
inline constexpr int klt_slot_shift = 6;
inline constexpr std::size_t klt_slots = rans_total >> klt_slot_shift;

// Widths of klt are quarters of a bit per element, on average.
inline constexpr std::array<int, 6> klt_widths = {12, 8, 6, 4, 3, 2};
// Added to a width, in the header of a coded tensor and in KltRate: the operating point for a
// stream that klt coded at least as coarsely when its stage received it. What is left of such a
// stream has less energy, and errors that are known on average.
inline constexpr int klt_chained = 64;
inline constexpr std::array<int, 2> klt_chained_widths = {3, 2};
bool klt_has_width(int width);  // with klt_chained or without

struct KltShape {
  std::size_t prefix = 0, rows = 0, cols = 0, dim = 0;  // prefix tokens, then the grid's
  std::size_t patches() const { return rows * cols; }
  std::size_t tokens() const { return prefix + patches(); }
  bool operator==(const KltShape&) const = default;
};

// One operating point.
struct KltRate {
  int width = 0;
  int lanes = 0;               // of all streams; above max_rans_lanes a multiple of it
  std::size_t components = 0;  // of patches, the others are never coded
  float step = 0, prefix_step = 0;
  // What the decoder takes for magnitude 1 and 2, and adds to larger ones; in steps.
  std::array<float, 3> points = {1, 2, 0};
  std::vector<std::uint8_t> classes;         // [klt_bands, components]
  std::vector<std::uint8_t> prefix_classes;  // [prefix, dim]
  std::vector<std::uint16_t> frequencies;    // [klt_classes, klt_symbols], each sums to rans_total
  std::vector<float> thresholds;             // [klt_classes, klt_escape - 1]: magnitudes from here
                                             // on, in steps, are at least 1, 2 ... when coded
  std::vector<float> synthesis;              // [components, dim], fitted to this rate

  // What follows is derived by KltTables::prepare().

  // Coefficients that are coded, in their order: prefix tokens, then frequencies row by row. Their
  // places in [prefix, dim] and behind it [rows * cols, components], and their classes.
  std::vector<std::uint32_t> coded;
  std::vector<std::uint8_t> coded_classes;
  std::size_t coded_prefix = 0;             // how many are of prefix tokens
  std::vector<RansRange> ranges;            // [klt_classes, klt_symbols]
  std::vector<std::uint8_t> first_symbols;  // [klt_classes, klt_slots]
  IntegerMatrix integer_synthesis;

  // After a change of `synthesis` alone.
  void prepare_synthesis(std::size_t dim);
};

class KltTables {
 public:
  KltShape shape;
  std::vector<float> mean;                // [tokens, dim]
  std::vector<float> analysis;            // [dim, dim], column i is component i
  std::vector<float> synthesis;           // [dim, dim], row i is component i: the inverse
  std::vector<float> dct_rows, dct_cols;  // [rows, rows], [cols, cols]; row i is frequency i
  std::vector<std::uint8_t> bands;        // [rows * cols]: of each frequency
  std::vector<KltRate> rates;

  // Without a chained operating point the one without the mark; null: none of this width.
  const KltRate* rate(int width) const;

  // Checks sizes, ranges and sums, and derives the rest. Throws Error saying what is wrong.
  void prepare();

  // values [tokens, dim] -> prefix [prefix, dim] and patches [rows * cols, components] of
  // coefficients; work: memory that is used again. False: a value is not finite.
  bool analyse(const float* values, std::size_t components, std::vector<float>& prefix,
               std::vector<float>& patches, std::vector<float>& work) const;
  // The inverse: prefix and patches as decoded -> values [tokens, dim]. patches is overwritten.
  void synthesise(const KltRate& rate, const std::vector<float>& prefix,
                  std::vector<float>& patches, std::vector<float>& work, float* values) const;

  // Its parts: prefix tokens; coefficients -> components of each patch; these -> patch tokens,
  // whose place is in values [tokens, dim].
  void synthesise_prefix(const std::vector<float>& prefix, float* values) const;
  void planes_of(const KltRate& rate, std::vector<float>& patches, std::vector<float>& work) const;
  void synthesise_patches(const KltRate& rate, const float* components, float* values) const;

  const IntegerMatrix& integer_analysis() const { return integer_analysis_; }
  const IntegerMatrix& integer_synthesis() const { return integer_synthesis_; }

 private:
  std::vector<float> inverse_rows_, inverse_cols_;
  IntegerMatrix integer_analysis_, integer_synthesis_;
};

}  // namespace quantring
