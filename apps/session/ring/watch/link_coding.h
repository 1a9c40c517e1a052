#pragma once
// How the tensors of a ring's links are coded, from what the stages' workers report: net carries
// them as opaque bytes.

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/codec/codec.h"
#include "net/wire/stats.h"

namespace quantring {

struct LinkCoding {
  CodecSpec codec;                       // of the latest micro-batch
  std::uint64_t elements_per_image = 0;  // 0: not known yet
};

// What the head says of its own link: net::RingStats::app_json.
std::string head_coding_json(const LinkCoding& coding);

// link: 0 is head -> stage 0, which carries pixels; i is the output of stage i - 1.
LinkCoding link_coding(const net::RingStats& ring, std::size_t link);

// Payload bits over elements; the codec's width where the elements are not known, 0 before the
// first frame.
double bits_per_element(const net::LinkStats& link, const LinkCoding& coding);

}  // namespace quantring
