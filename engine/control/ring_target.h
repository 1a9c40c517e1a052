#pragma once
// What each coded link of a ring should carry, and how coarsely it may be coded for that, from what
// the whole way of a picture carries. A function of its inputs: no clock, no socket.
//
// A link is coded no coarser than the slowest part of the way warrants: the source, a stage's
// compute, the return link, or another link, that of the head's pixels among them, at the coarsest
// point that the floor allows it. The floor is about the ring's answers, all links together. Their
// agreement is an estimate, the product of the ladder's agreements of one coded link each, and
// cautious: measured rings agree more (docs/ACCURACY.md).

#include <cstddef>
#include <optional>
#include <vector>

#include "engine/control/controller.h"

namespace quantring {

struct CodedLink {
  double capacity_bps = 0;  // 0: unknown, so it holds up nothing
  CodecSpec codec;          // at present
};

// The head's link.
struct PixelLink {
  struct Point {
    CodecSpec codec;
    double agreement = 100;  // percent
    double bits = 0;         // an image
  };
  double capacity_bps = 0;    // as of a CodedLink
  std::vector<Point> points;  // that it may choose from, finest first, not empty
  std::size_t present = 0;
};

struct RingWay {
  double rate = 0;         // images/s of the slowest part that no coding changes; 0: not known
  double target_rate = 0;  // images/s that are asked for; 0: as many as can be
  std::vector<CodedLink> links;
  TensorShape shape;  // of one image
  std::optional<PixelLink> pixels;
};

struct LinkTarget {
  double rate = 0;   // images/s
  double floor = 0;  // min. agreement of this link alone, percent
};

struct RingTarget {
  // images/s that the whole way carries, no more than are asked for; 0: not known.
  double rate = 0;
  std::vector<LinkTarget> links;  // one for each
  // The coded link that is the slowest part, at the coarsest point that floor and ladder allow.
  std::optional<std::size_t> held;
  std::size_t pixels = 0;    // the point of the head's link
  bool pixels_held = false;  // it is the slowest part
};

// ladder: not empty where there are coded links.
RingTarget ring_target(const RingWay& way, const Ladder& ladder, double floor);

// Percent: the product of one coded link's agreements. A codec that is not in the ladder counts as
// its finest point of no more bits.
double ring_agreement(const std::vector<CodecSpec>& codecs, const Ladder& ladder);

// What a link starts with, when nothing is known of the others.
double equal_floor(double floor, std::size_t links, const Ladder& ladder);

}  // namespace quantring
