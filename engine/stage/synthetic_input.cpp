#include "engine/stage/synthetic_input.h"

namespace quantring {

std::vector<std::byte> random_input(const Stage& stage, const Architecture& architecture,
                                    std::uint32_t images, CodecSpec codec) {
  std::uint32_t state = 1;
  const auto next = [&state] { return (state = state * 1664525u + 1013904223u) >> 8; };
  const TensorShape shape = input_shape(stage, architecture, images);
  if (stage.first()) {
    std::vector<std::byte> pixels(shape.elements());
    for (std::byte& pixel : pixels) pixel = static_cast<std::byte>(next() >> 16);
    return coded_pixels(pixels);
  }
  std::vector<std::byte> coded;
  std::vector<float> values(shape.elements());
  for (float& value : values) value = static_cast<float>(next()) / 8388608.0f - 1.0f;
  encode(values, shape, codec, coded);
  return coded;
}

void warm_up(StageRunner& runner, const Architecture& architecture) {
  if (runner.depth() == 1) return;
  const auto images = static_cast<std::uint32_t>(runner.stage().max_images());
  runner.submit(random_input(runner.stage(), architecture, images), images);
  std::vector<std::byte> result;
  runner.collect(result);
}

}  // namespace quantring
