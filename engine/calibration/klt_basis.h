#pragma once
// The part of codec klt's tables that does not depend on a rate: means, basis, cosines, bands.

#include "engine/calibration/statistics.h"
#include "engine/codec/klt/klt_tables.h"
#include "engine/model/architecture.h"

namespace quantring {

KltShape klt_shape(const Architecture& architecture);

// Principal components of x weighted by the square root of the Fisher matrix, so that an error's
// square counts by how much the answer depends on its direction. Stored values are rounded
// (round_to_stored).
KltTables klt_basis(const KltShape& shape, const CutStatistics& statistics);

}  // namespace quantring
