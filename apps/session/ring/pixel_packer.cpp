#include "apps/session/ring/pixel_packer.h"

#include <chrono>

#include "engine/codec/codec.h"

namespace quantring {
namespace {

constexpr int max_losses = 3;  // one may be a hold-up
constexpr int skipped_frames = 200;

}  // namespace

bool packing_pays(std::size_t bytes, std::size_t packed_bytes, double packing_s,
                  double capacity_bps) {
  if (packed_bytes >= bytes) return false;
  return 8 * static_cast<double>(bytes - packed_bytes) / capacity_bps > 2 * packing_s;
}

PixelPacker::PixelPacker(const Architecture& architecture)
    : image_{1, static_cast<std::size_t>(architecture.channels),
             static_cast<std::size_t>(architecture.image_height),
             static_cast<std::size_t>(architecture.image_width)} {}

std::vector<std::byte> PixelPacker::code(std::span<const std::byte> pixels, std::uint32_t images) {
  const double capacity_bps = capacity_bps_;
  if (capacity_bps <= 0 || skipping_ > 0) {
    if (skipping_ > 0) --skipping_;
    return coded_pixels(pixels);
  }
  PixelShape shape = image_;
  shape.images = images;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::byte> coded = packed_pixels(pixels, shape);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  const bool pays = packing_pays(pixels.size(), coded.size(), taken.count(), capacity_bps);
  losses_ = pays ? 0 : losses_ + 1;
  if (losses_ == max_losses) {
    losses_ = 0;
    skipping_ = skipped_frames;
  }
  return coded;
}

}  // namespace quantring
