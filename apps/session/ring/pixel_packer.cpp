#include "apps/session/ring/pixel_packer.h"

#include <algorithm>
#include <chrono>

#include "engine/codec/jpeg_pixels.h"

namespace quantring {
namespace {

constexpr CodecSpec plain{CodecId::pixels, 8}, packed{CodecId::packed_pixels, 8};
constexpr int max_losses = 3;  // one may be a hold-up
constexpr int skipped_frames = 200;
constexpr double newest = 0.3;  // weight of the latest frame's bytes

}  // namespace

bool coding_pays(std::size_t bytes, std::size_t coded_bytes, double coding_s, double capacity_bps) {
  if (coded_bytes >= bytes) return false;
  return 8 * static_cast<double>(bytes - coded_bytes) / capacity_bps > 2 * coding_s;
}

PixelPacker::PixelPacker(const Architecture& architecture, std::optional<CodecSpec> choice,
                         bool with_loss)
    : image_{1, static_cast<std::size_t>(architecture.channels),
             static_cast<std::size_t>(architecture.image_height),
             static_cast<std::size_t>(architecture.image_width)},
      fixed_(choice.has_value()),
      chosen_(choice.value_or(plain)),
      sent_(chosen_) {
  const auto add = [this](const PixelPoint& point) {
    points_.push_back({point, point.share * static_cast<double>(image_.count())});
  };
  if (choice) add(pixel_point(*choice));
  for (const PixelPoint& point : pixel_points())
    if (!choice && (point.codec.id != CodecId::jpeg || (with_loss && can_be_jpeg(image_))))
      add(point);
}

void PixelPacker::choose(CodecSpec codec, double capacity_bps) {
  const std::lock_guard lock(mutex_);
  told_ = true;
  if (!fixed_) chosen_ = codec;
  capacity_bps_ = capacity_bps;
}

PixelLink PixelPacker::link() const {
  const std::lock_guard lock(mutex_);
  PixelLink link;
  for (const Point& point : points_) {
    if (point.as_expected.codec == chosen_) link.present = link.points.size();
    link.points.push_back({point.as_expected.codec, point.as_expected.agreement, 8 * point.bytes});
  }
  return link;
}

CodecSpec PixelPacker::sent() const {
  const std::lock_guard lock(mutex_);
  return sent_;
}

std::vector<std::byte> PixelPacker::code(std::span<const std::byte> pixels, std::uint32_t images,
                                         const std::function<bool()>& busy) {
  CodecSpec codec;
  bool told = false;
  double capacity_bps = 0;
  {
    const std::lock_guard lock(mutex_);
    codec = chosen_;
    told = told_ || fixed_;
    capacity_bps = capacity_bps_;
  }
  if (skipping_ > 0 && !fixed_) {
    --skipping_;
    codec = plain;
  } else if (!told) {
    codec = busy() ? packed : plain;
  }
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::byte> message = coded(pixels, images, codec);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  if (codec != plain && !fixed_) {
    const bool pays = told ? coding_pays(pixels.size(), message.size(), taken.count(), capacity_bps)
                           : message.size() < pixels.size() && busy();
    losses_ = pays ? 0 : losses_ + 1;
    if (losses_ == max_losses) {
      losses_ = 0;
      skipping_ = skipped_frames;
    }
  }
  const std::lock_guard lock(mutex_);
  if (codec != plain) count(codec, static_cast<double>(message.size()) / images);
  sent_ = static_cast<CodecId>(message[0]) == plain.id ? plain : codec;
  if (!told) chosen_ = sent_;
  return message;
}

std::vector<std::byte> PixelPacker::coded(std::span<const std::byte> pixels, std::uint32_t images,
                                          CodecSpec codec) const {
  PixelShape shape = image_;
  shape.images = images;
  if (codec == packed) return packed_pixels(pixels, shape);
  if (codec.id == CodecId::jpeg) return jpeg_pixels(pixels, shape, codec.bits);
  return coded_pixels(pixels);
}

// Pictures that take more bytes at one quality do so at the others.
void PixelPacker::count(CodecSpec codec, double bytes) {
  const auto found = std::find_if(points_.begin(), points_.end(), [&](const Point& point) {
    return point.as_expected.codec == codec;
  });
  if (found == points_.end()) return;
  const double before = found->bytes;
  found->bytes = found->sent ? before + newest * (bytes - before) : bytes;
  found->sent = true;
  for (Point& point : points_) {
    if (&point != &*found && point.as_expected.codec.id == CodecId::jpeg &&
        codec.id == CodecId::jpeg)
      point.bytes *= found->bytes / before;
  }
}

}  // namespace quantring
