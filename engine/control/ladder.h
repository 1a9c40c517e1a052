#pragma once
// Operating points ordered by accuracy, from which a controller chooses.

#include <cstddef>
#include <string>
#include <vector>

#include "engine/codec/codec.h"

namespace quantring {

struct OperatingPoint {
  CodecSpec codec;
  // Images whose first answer is the one of raw32 at every link, percent; one coded link, averaged
  // over the cuts of a model (`quantring evaluate`).
  double agreement = 100;
  bool operator==(const OperatingPoint&) const = default;
};

// Finest first: agreement and bytes both decrease strictly from one point to the next.
using Ladder = std::vector<OperatingPoint>;

// Whether a tensor takes fewer bytes with `coarse`, as a ladder's order needs.
bool takes_fewer_bytes(CodecSpec coarse, CodecSpec fine);

// Sorts, and drops every point with no better agreement than one of no more bits per element. raw32
// is exact: its agreement becomes 100, that of all others at most 99.99, so that raw32 stays.
Ladder make_ladder(std::vector<OperatingPoint> points);

// Measured on DeiT-Tiny and 500 photos (docs/ACCURACY.md); another model has its own:
// `quantring evaluate --ladder FILE`.
const Ladder& default_ladder();

// JSON: {"ladder": [{"codec": "ptq", "bits": 8, "agreement": 99.1}, ...]}
std::string ladder_to_json(const Ladder& ladder);
Ladder ladder_from_json(const std::string& text);  // throws Error naming the entry; any order
Ladder read_ladder(const std::string& path);       // throws Error naming the file

}  // namespace quantring
