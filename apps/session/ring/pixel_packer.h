#pragma once
// The pixels that the head sends: as they are, packed without loss or as JPEGs, as its link needs.

#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "engine/codec/packed_pixels.h"
#include "engine/control/pixel_points.h"
#include "engine/control/ring_target.h"
#include "engine/model/architecture.h"

namespace quantring {

class PixelPacker {
 public:
  // choice: how all frames are coded; without one it is chosen while the ring runs, with_loss:
  // among JPEGs too.
  PixelPacker(const Architecture& architecture, std::optional<CodecSpec> choice, bool with_loss);

  // What the link should carry from now on, and its bits/s; 0: not known. From any thread.
  void choose(CodecSpec codec, double capacity_bps);

  // Points and the present one, with the bytes of the latest frames; without the capacity.
  PixelLink link() const;
  // Of the latest frame.
  CodecSpec sent() const;

  // A coded tensor. By one thread. busy: whether the link is still sending an earlier frame.
  // Before choose() was called, that alone says whether packing gains anything: it is free while
  // the link is busy all along.
  std::vector<std::byte> code(std::span<const std::byte> pixels, std::uint32_t images,
                              const std::function<bool()>& busy);

 private:
  struct Point {
    PixelPoint as_expected;
    double bytes;  // an image; of the latest frames, or as expected from those
    bool sent = false;
  };

  std::vector<std::byte> coded(std::span<const std::byte> pixels, std::uint32_t images,
                               CodecSpec codec) const;
  void count(CodecSpec codec, double bytes);

  const PixelShape image_;
  const bool fixed_;
  mutable std::mutex mutex_;
  std::vector<Point> points_;
  CodecSpec chosen_, sent_;
  bool told_ = false;  // choose() was called
  double capacity_bps_ = 0;
  int losses_ = 0;    // coded frames in a row that did not pay
  int skipping_ = 0;  // frames that are sent as they are, before the next attempt
};

// Whether coding was worth it: stage 0 takes about as long to decode.
bool coding_pays(std::size_t bytes, std::size_t coded_bytes, double coding_s, double capacity_bps);

}  // namespace quantring
