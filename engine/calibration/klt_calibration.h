#pragma once
// Calibrates codec klt at the cuts of a model, from pictures; no labels are needed.
//
// 1. Means, covariances and Fisher matrices of the stream at every cut -> bases.
// 2. The pictures go through the model cut by cut; from their coefficients the operating points are
//    fitted, each to its number of bits.
// 3. The decoder's matrices are fitted by least squares, so that what they give is closest to the
//    undisturbed stream although links further up coded it too (every 4 half-blocks). Below one
//    bit such streams have operating points of their own (klt_chained), and the others' matrices
//    are fitted to streams that were not coded before.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/codec/klt/klt_tables.h"
#include "engine/model/model_file.h"
#include "ops/context.h"

namespace quantring {

struct KltCalibration {
  std::vector<int> cuts;    // ascending half-block indices
  bool fit_decoder = true;  // step 3
  std::uint64_t seed = 1;   // of the labels drawn for the Fisher matrices
  int batch = 8;
};

// done: 0 to 1, of the whole work.
using CalibrationProgress = std::function<void(double done, const std::string& what)>;

// context: the CPU. pixels: u8 [images, channels, height, width]. Tables as they are stored
// (round_to_stored). Throws Error.
std::map<int, KltTables> calibrate_klt(Context& context, const ModelFile& model,
                                       std::span<const std::byte> pixels, std::size_t images,
                                       const KltCalibration& options,
                                       const CalibrationProgress& progress);

}  // namespace quantring
