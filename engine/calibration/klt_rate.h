#pragma once
// One operating point of codec klt, fitted to coefficients of pictures: step, classes, tables,
// thresholds, reconstruction points.

#include <vector>

#include "engine/codec/klt/klt_tables.h"

namespace quantring {

// Of several pictures, all components.
struct KltCoefficients {
  std::size_t images = 0;
  std::vector<float> prefix;   // [images, prefix, dim]
  std::vector<float> patches;  // [images, rows * cols, dim]
};

// Such that the pictures take width / 4 bits an element on average. The synthesis is that of the
// tables, its first rows. tables: with all but rates.
KltRate fit_klt_rate(const KltTables& tables, const KltCoefficients& coefficients, int width);

}  // namespace quantring
