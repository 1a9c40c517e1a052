#include "apps/session/stage_input.h"

#include <cstring>

namespace quantring::apps {

CodedTensor random_input(const Stage& stage, const Architecture& architecture,
                         std::uint32_t images) {
  const Architecture& a = architecture;
  CodedTensor input;
  std::uint32_t state = 1;
  const auto next = [&state] { return (state = state * 1664525u + 1013904223u) >> 8; };
  if (stage.first()) {
    input.spec = {CodecId::pixels, 8};
    input.shape = {images, static_cast<std::uint32_t>(a.channels),
                   static_cast<std::uint32_t>(a.image_height * a.image_width)};
    input.payload.resize(input.shape.elements());
    for (auto& pixel : input.payload) pixel = static_cast<std::byte>(next() >> 16);
    return input;
  }
  input.spec = {CodecId::raw32, 32};
  input.shape = {images, static_cast<std::uint32_t>(a.tokens()), static_cast<std::uint32_t>(a.dim)};
  input.payload.resize(input.shape.elements() * sizeof(float));
  for (std::size_t i = 0; i < input.payload.size(); i += sizeof(float)) {
    const float value = static_cast<float>(next()) / 8388608.0f - 1.0f;
    std::memcpy(input.payload.data() + i, &value, sizeof value);
  }
  return input;
}

void warm_up(StageRunner& runner, const Architecture& architecture) {
  if (runner.depth() == 1) return;
  const auto images = static_cast<std::uint32_t>(runner.stage().max_images());
  runner.submit(random_input(runner.stage(), architecture, images), {});
  CodedTensor result;
  runner.collect(result);
}

}  // namespace quantring::apps
