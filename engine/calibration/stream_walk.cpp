#include "engine/calibration/stream_walk.h"

#include <algorithm>

namespace quantring {

std::vector<float> StreamWalk::begin(std::span<const std::byte> pixels, std::size_t images,
                                     int cut) {
  const Architecture& a = model_.architecture();
  const auto each = static_cast<std::size_t>(a.tokens()) * static_cast<std::size_t>(a.dim);
  const std::size_t picture = pixels.size() / images;
  Stage stage(context_, model_, {0, cut}, static_cast<int>(batch_));
  std::vector<float> streams(images * each);
  for (std::size_t i = 0; i < images; i += batch_) {
    const std::size_t count = std::min(batch_, images - i);
    const ConstTensor result = stage.forward_pixels(
        {pixels.data() + i * picture,
         DType::u8,
         {static_cast<std::int64_t>(count), a.channels, a.image_height, a.image_width}});
    std::copy_n(result.f32(), count * each, streams.data() + i * each);
  }
  return streams;
}

void StreamWalk::advance(std::span<std::vector<float>* const> streams, int from, int to) {
  const Architecture& a = model_.architecture();
  const auto each = static_cast<std::size_t>(a.tokens()) * static_cast<std::size_t>(a.dim);
  Stage stage(context_, model_, {from, to}, static_cast<int>(batch_));
  for (std::vector<float>* const set : streams) {
    const std::size_t images = set->size() / each;
    for (std::size_t i = 0; i < images; i += batch_) {
      const std::size_t count = std::min(batch_, images - i);
      float* const values = set->data() + i * each;
      std::copy_n(values, count * each, stage.residual(static_cast<int>(count)).f32());
      std::copy_n(stage.forward_residual(static_cast<int>(count)).f32(), count * each, values);
    }
  }
}

}  // namespace quantring
