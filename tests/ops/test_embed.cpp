#include "ops/embed.h"

#include "ops/base/error.h"
#include "support.h"

using namespace quantring;
using test::half_ulp;
using test::Output;
using test::random_values;
using test::view;

namespace {

constexpr float mean[] = {0.485f, 0.456f, 0.406f};
constexpr float deviation[] = {0.229f, 0.224f, 0.225f};

struct Pictures {
  std::int64_t images, channels, height, width, patch_h, patch_w;
  Shape shape() const { return {images, channels, height, width}; }
  std::int64_t patch_size() const { return channels * patch_h * patch_w; }
  Shape patches() const { return {images * (height / patch_h) * (width / patch_w), patch_size()}; }

  // For every element of the patches, the index of its pixel.
  std::vector<std::size_t> sources() const {
    std::vector<std::size_t> sources;
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t row = 0; row < height; row += patch_h)
        for (std::int64_t col = 0; col < width; col += patch_w)
          for (std::int64_t c = 0; c < channels; ++c)
            for (std::int64_t y = row; y < row + patch_h; ++y)
              for (std::int64_t x = col; x < col + patch_w; ++x)
                sources.push_back(
                    static_cast<std::size_t>(((n * channels + c) * height + y) * width + x));
    return sources;
  }
};

const Pictures cases[] = {
    {1, 3, 32, 32, 16, 16}, {2, 3, 28, 42, 14, 14}, {3, 1, 28, 28, 7, 7},
    {1, 3, 6, 20, 3, 5},    {2, 2, 1, 1, 1, 1},
};

}  // namespace

TEST_CASE("extract_patches: bytes are normalised and rearranged") {
  for (const int threads : {1, 3}) {
    Context context(threads);
    for (const Pictures& p : cases) {
      INFO(p.shape().text(), " in patches of ", p.patch_h, " x ", p.patch_w);
      const auto channels = static_cast<std::size_t>(p.channels);
      std::vector<std::uint8_t> pixels(static_cast<std::size_t>(p.shape().elements()));
      std::mt19937 generator(1);
      for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(generator() >> 24);
      if (pixels.size() > 8) REQUIRE(*std::max_element(pixels.begin(), pixels.end()) > 200);
      std::vector<double> expected;
      for (const std::size_t source : p.sources()) {
        const auto c = source / static_cast<std::size_t>(p.height * p.width) % channels;
        expected.push_back((pixels[source] / 255.0 - static_cast<double>(mean[c])) /
                           static_cast<double>(deviation[c]));
      }
      Output patches(p.patches());
      extract_patches(context, {pixels.data(), DType::u8, p.shape()}, p.patch_h, p.patch_w,
                      {mean, channels}, {deviation, channels}, patches.tensor());
      CHECK(patches.guards_intact());
      // Two roundings of values up to 1, divided by a deviation above 0.2, and one of the result.
      test::check_close(patches.values(), expected, [](std::size_t) { return 14 * half_ulp; });
    }
  }
}

TEST_CASE("extract_patches: floats are only rearranged") {
  Context context;
  for (const Pictures& p : cases) {
    INFO(p.shape().text());
    const std::vector<float> pixels = random_values(p.shape().elements(), 2);
    Output patches(p.patches());
    extract_patches(context, view(pixels, p.shape()), p.patch_h, p.patch_w, {}, {},
                    patches.tensor());
    CHECK(patches.guards_intact());
    const std::vector<std::size_t> sources = p.sources();
    for (std::size_t i = 0; i < sources.size(); ++i) {
      REQUIRE(patches.values()[i] == pixels[sources[i]]);
    }
  }
}

TEST_CASE("assemble_tokens: with and without prefix tokens") {
  Context context(2);
  for (const std::int64_t prefix : {0, 1, 5}) {
    for (const auto& size : {std::array<std::int64_t, 3>{1, 4, 8}, {3, 49, 200}}) {
      const auto images = size[0], patches = size[1], dim = size[2];
      INFO(prefix, " + ", patches, " tokens of ", dim);
      const std::int64_t tokens = prefix + patches;
      const std::vector<float> embedded = random_values(images * patches * dim, 1);
      const std::vector<float> position = random_values(tokens * dim, 2);
      const std::vector<float> first = random_values(prefix * dim, 3);
      Output out({images, tokens, dim});
      assemble_tokens(context, view(embedded, {images, patches, dim}),
                      prefix ? view(first, {prefix, dim}) : ConstTensor{},
                      view(position, {tokens, dim}), out.tensor());
      CHECK(out.guards_intact());
      for (std::int64_t i = 0; i < images * tokens * dim; ++i) {
        const std::int64_t c = i % dim, t = i / dim % tokens, n = i / dim / tokens;
        const float content =
            t < prefix ? first[static_cast<std::size_t>(t * dim + c)]
                       : embedded[static_cast<std::size_t>((n * patches + t - prefix) * dim + c)];
        REQUIRE(out.values()[static_cast<std::size_t>(i)] ==
                content + position[static_cast<std::size_t>(t * dim + c)]);
      }
    }
  }
}

TEST_CASE("pooling: one token, the average") {
  constexpr std::int64_t images = 3, tokens = 50, dim = 21;
  const std::vector<float> x = random_values(images * tokens * dim, 4);
  Context context(2);
  for (const std::int64_t index : {0, 1, 49}) {
    Output chosen({images, dim});
    pool_token(context, view(x, {images, tokens, dim}), index, chosen.tensor());
    CHECK(chosen.guards_intact());
    for (std::int64_t i = 0; i < images * dim; ++i) {
      CHECK(chosen.values()[static_cast<std::size_t>(i)] ==
            x[static_cast<std::size_t>((i / dim * tokens + index) * dim + i % dim)]);
    }
  }
  for (const std::int64_t first : {0, 1, 49}) {
    std::vector<double> expected(images * dim);
    for (std::int64_t i = 0; i < images * dim; ++i) {
      double& sum = expected[static_cast<std::size_t>(i)];
      for (std::int64_t t = first; t < tokens; ++t) {
        sum += static_cast<double>(
            x[static_cast<std::size_t>((i / dim * tokens + t) * dim + i % dim)]);
      }
      sum /= static_cast<double>(tokens - first);
    }
    Output average({images, dim});
    pool_average(context, view(x, {images, tokens, dim}), first, average.tensor());
    CHECK(average.guards_intact());
    test::check_close(average.values(), expected, [](std::size_t) {
      return (2 + std::sqrt(static_cast<double>(tokens))) * half_ulp;
    });
  }
}

TEST_CASE("wrong shapes are refused") {
  Context context;
  const std::vector<std::uint8_t> pixels(3 * 8 * 8);
  const ConstTensor image{pixels.data(), DType::u8, {1, 3, 8, 8}};
  Output patches({4, 48});
  CHECK_THROWS_AS(extract_patches(context, image, 3, 4, mean, deviation, patches.tensor()), Error);
  CHECK_THROWS_AS(extract_patches(context, image, 0, 4, mean, deviation, patches.tensor()), Error);
  CHECK_THROWS_AS(extract_patches(context, image, 4, 4, {mean, 2}, deviation, patches.tensor()),
                  std::invalid_argument);
  CHECK_THROWS_AS(extract_patches(context, image, 2, 2, mean, deviation, patches.tensor()),
                  std::invalid_argument);
  const std::vector<float> data(4 * 8, 1.0f);
  Output tokens({1, 5, 8}), pooled({1, 8});
  CHECK_THROWS_AS(
      assemble_tokens(context, view(data, {1, 4, 8}), {}, view(data, {4, 8}), tokens.tensor()),
      std::invalid_argument);
  CHECK_THROWS_AS(pool_average(context, view(data, {1, 4, 8}), 4, pooled.tensor()),
                  std::invalid_argument);
  CHECK_THROWS_AS(pool_token(context, view(data, {4, 8}), 0, pooled.tensor()),
                  std::invalid_argument);
  for (const std::int64_t index : {-1, 4}) {
    CHECK_THROWS_AS(pool_token(context, view(data, {1, 4, 8}), index, pooled.tensor()),
                    std::invalid_argument);
  }
}
