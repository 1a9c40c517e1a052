#include "ops/cpu/embed.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/cpu/kernels.h"
#include "ops/cpu/thread_pool.h"

namespace quantring::cpu {
namespace {

// Divides images into patches; convert(pixel row, channel, count, target) writes one row of one
// patch. One block is one row of patches of one image.
template <class Pixel, class Convert>
void cut(ThreadPool& pool, const Pixel* pixels, const PatchShape& shape, float* patches,
         const Convert& convert) {
  const std::int64_t channels = shape.channels, height = shape.height, width = shape.width;
  const std::int64_t patch_h = shape.patch_h, patch_w = shape.patch_w;
  const std::int64_t down = height / patch_h, across = width / patch_w;
  const std::int64_t patch_size = channels * patch_h * patch_w;
  pool.parallel_for(shape.images * down, [&](std::int64_t block, int) {
    const std::int64_t image = block / down, patch_row = block % down;
    float* const band = patches + block * across * patch_size;
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t y = 0; y < patch_h; ++y) {
        const Pixel* const line =
            pixels + ((image * channels + c) * height + patch_row * patch_h + y) * width;
        for (std::int64_t p = 0; p < across; ++p) {
          convert(line + p * patch_w, c, patch_w,
                  band + p * patch_size + (c * patch_h + y) * patch_w);
        }
      }
    }
  });
}

}  // namespace

void extract_patches(ThreadPool& pool, const std::uint8_t* pixels, PatchShape shape,
                     std::span<const float> mean, std::span<const float> std, float* patches) {
  // Each of the 256 pixel values is normalised once per channel, then looked up.
  using Table = std::array<float, 256>;
  std::array<Table, max_channels> tables;
  for (std::size_t c = 0; c < static_cast<std::size_t>(shape.channels); ++c) {
    for (std::size_t value = 0; value < 256; ++value) {
      tables[c][value] = (static_cast<float>(value) / 255.0f - mean[c]) / std[c];
    }
  }
  cut(pool, pixels, shape, patches,
      [&](const std::uint8_t* line, std::int64_t channel, std::int64_t count, float* target) {
        const Table& table = tables[static_cast<std::size_t>(channel)];
        for (std::int64_t i = 0; i < count; ++i) target[i] = table[line[i]];
      });
}

void extract_patches(ThreadPool& pool, const float* pixels, PatchShape shape, float* patches) {
  cut(pool, pixels, shape, patches,
      [](const float* line, std::int64_t, std::int64_t count, float* target) {
        std::memcpy(target, line, static_cast<std::size_t>(count) * sizeof(float));
      });
}

void assemble_tokens(ThreadPool& pool, const float* embedded, const float* prefix_tokens,
                     const float* position, TokenShape shape, float* tokens) {
  const std::int64_t prefix = shape.prefix, per_image = shape.tokens, dim = shape.dim;
  const std::int64_t patches = per_image - prefix;
  pool.parallel_for(shape.images, [&](std::int64_t image, int) {
    float* const target = tokens + image * per_image * dim;
    if (prefix > 0) kernels().add(prefix_tokens, position, prefix * dim, target);
    kernels().add(embedded + image * patches * dim, position + prefix * dim, patches * dim,
                  target + prefix * dim);
  });
}

void pool_token(const float* tokens, TokenShape shape, float* pooled) {
  for (std::int64_t image = 0; image < shape.images; ++image) {
    std::copy_n(tokens + (image * shape.tokens + shape.prefix) * shape.dim, shape.dim,
                pooled + image * shape.dim);
  }
}

void pool_average(ThreadPool& pool, const float* tokens, TokenShape shape, float* pooled) {
  const std::int64_t first = shape.prefix, per_image = shape.tokens, dim = shape.dim;
  pool.parallel_for(shape.images, [&](std::int64_t image, int) {
    const float* const source = tokens + image * per_image * dim;
    float* const target = pooled + image * dim;
    std::copy_n(source + first * dim, dim, target);
    for (std::int64_t t = first + 1; t < per_image; ++t) {
      kernels().add(target, source + t * dim, dim, target);
    }
    const float count = static_cast<float>(per_image - first);
    for (std::int64_t i = 0; i < dim; ++i) target[i] /= count;
  });
}

}  // namespace quantring::cpu
