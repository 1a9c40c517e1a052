#pragma once
// Between coefficients of a transform (engine/codec/klt/klt_tables.h) and entropy-coded symbols.
//
// Quantization is entropy constrained: a magnitude is taken as the larger integer only from its
// class's threshold on, which weighs the error against the bits of both.
//
// Order of symbols: prefix tokens, then frequencies row by row; of each its components, those that
// are never coded left out. Behind an escape follows 2 (magnitude - klt_escape) + 1 if negative, in
// symbols of equal shares: four bits each, the lowest first, and a fifth, the highest, if more
// follow; at most six.

#include <vector>

#include "engine/codec/klt/klt_tables.h"
#include "engine/codec/klt/rans.h"

namespace quantring {

// prefix [prefix, dim], patches [rows * cols, rate.components]. Replaces what is in `symbols`.
// False: a magnitude is too large, or not a number.
bool code_coefficients(const KltTables& tables, const KltRate& rate,
                       const std::vector<float>& prefix, const std::vector<float>& patches,
                       std::vector<RansRange>& symbols);

void decode_coefficients(const KltTables& tables, const KltRate& rate, RansDecoder& decoder,
                         std::vector<float>& prefix, std::vector<float>& patches);

}  // namespace quantring
