#pragma once
// The decoder's matrix of an operating point of codec klt, by least squares.

#include <cstddef>
#include <span>
#include <vector>

#include "engine/codec/klt/klt_tables.h"
#include "ops/context.h"

namespace quantring {

// sent: streams [images, tokens, dim] as a stage sends them; clean: as they would be without any
// coding. Fits rate.synthesis so that the patch tokens of `sent`, coded, are closest to `clean`,
// and replaces `sent` by what is received. tables: prepared, with this rate.
void fit_klt_decoder(Context& context, const KltTables& tables, KltRate& rate,
                     std::span<const float> clean, std::span<float> sent);

// x of a x = b, for a symmetric positive definite [n, n] and b [n, columns]; b becomes x. By
// Cholesky's decomposition; throws Error if a is not positive definite.
void solve_symmetric(std::vector<double>& a, std::size_t n, std::vector<double>& b,
                     std::size_t columns);

}  // namespace quantring
