#pragma once
// The pixels that the head sends, packed where its link is what holds the ring up and packing takes
// less time than it saves.

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/codec/packed_pixels.h"
#include "engine/model/architecture.h"

namespace quantring {

class PixelPacker {
 public:
  explicit PixelPacker(const Architecture& architecture);

  // Bits/s of the head's link; 0: fewer bytes on it gain nothing. From any thread.
  void set_capacity(double bps) { capacity_bps_ = bps; }

  // A coded tensor. By one thread.
  std::vector<std::byte> code(std::span<const std::byte> pixels, std::uint32_t images);

 private:
  const PixelShape image_;
  std::atomic<double> capacity_bps_{0};
  int losses_ = 0;    // packed frames in a row that did not pay
  int skipping_ = 0;  // frames that are sent as they are, before the next attempt
};

// Whether packing was worth it: stage 0 takes about as long to unpack.
bool packing_pays(std::size_t bytes, std::size_t packed_bytes, double packing_s,
                  double capacity_bps);

}  // namespace quantring
