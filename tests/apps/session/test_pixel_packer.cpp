// How the head codes its pixels: at once where its link is busy all along, then as it is told.
#include "apps/session/ring/pixel_packer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "engine/codec/codec.h"

namespace quantring {
namespace {

using Bytes = std::vector<std::byte>;

constexpr CodecSpec plain{CodecId::pixels, 8}, packed{CodecId::packed_pixels, 8};

constexpr CodecSpec jpeg(int quality) {
  return {CodecId::jpeg, static_cast<std::uint8_t>(quality)};
}

Architecture pictures() {
  Architecture architecture;
  architecture.channels = 3;
  architecture.image_height = architecture.image_width = 64;
  return architecture;
}

Bytes smooth() {
  Bytes pixels;
  for (int i = 0; i < 3 * 64 * 64; ++i)
    pixels.push_back(static_cast<std::byte>(128 + 90 * std::sin(0.03 * (i % 64) + 0.001 * i)));
  return pixels;
}

Bytes noise() {
  std::mt19937 random(5);
  Bytes pixels(3 * 64 * 64);
  for (std::byte& pixel : pixels) pixel = static_cast<std::byte>(random());
  return pixels;
}

bool idle() {
  return false;
}
bool busy() {
  return true;
}

CodecId id_of(const Bytes& coded) {
  return static_cast<CodecId>(coded.at(0));
}

TEST_CASE("untold, pixels are packed while the link is busy, and not otherwise") {
  PixelPacker packer(pictures(), {}, true);
  CHECK(id_of(packer.code(smooth(), 1, idle)) == CodecId::pixels);  // the first frame
  CHECK(packer.sent() == plain);
  CHECK(id_of(packer.code(smooth(), 1, busy)) == CodecId::packed_pixels);  // the second
  CHECK(packer.sent() == packed);
  CHECK(packer.link().present == 1);
  CHECK(id_of(packer.code(noise(), 1, busy)) == CodecId::pixels);  // it would be longer
  CHECK(packer.sent() == plain);
}

TEST_CASE("packing that the link has to wait for is given up for a while") {
  PixelPacker packer(pictures(), {}, true);
  bool sending = false;
  // Busy before, idle after: a fast link.
  const auto fast = [&] { return sending = !sending; };
  for (int frame = 0; frame < 3; ++frame)
    CHECK(id_of(packer.code(smooth(), 1, fast)) == CodecId::packed_pixels);
  for (int frame = 0; frame < 200; ++frame)
    CHECK(id_of(packer.code(smooth(), 1, busy)) == CodecId::pixels);
  CHECK(id_of(packer.code(smooth(), 1, busy)) == CodecId::packed_pixels);
}

TEST_CASE("told, pixels are what the link needs, and their bytes are known from then on") {
  PixelPacker packer(pictures(), {}, true);
  const PixelLink before = packer.link();
  REQUIRE(before.points.size() == pixel_points().size());
  packer.choose(jpeg(85), 1e6);
  const Bytes coded = packer.code(smooth(), 1, idle);
  CHECK(id_of(coded) == CodecId::jpeg);
  CHECK(coded[1] == std::byte{85});
  const PixelLink after = packer.link();
  CHECK(after.points[after.present].codec == jpeg(85));
  CHECK(after.points[after.present].bits ==
        doctest::Approx(8.0 * static_cast<double>(coded.size())));
  // The other qualities are expected to change as much.
  const double change = after.points[after.present].bits / before.points[after.present].bits;
  CHECK(after.points.back().bits / before.points.back().bits == doctest::Approx(change));
  CHECK(after.points[0].bits == before.points[0].bits);
  CHECK(after.points[1].bits == before.points[1].bits);
  packer.choose(plain, 1e6);
  CHECK(id_of(packer.code(smooth(), 1, busy)) == CodecId::pixels);
}

TEST_CASE("a fixed coding stays, and without leave for loss there are no JPEGs") {
  PixelPacker fixed(pictures(), jpeg(70), false);
  fixed.choose(plain, 1e9);
  CHECK(id_of(fixed.code(smooth(), 1, idle)) == CodecId::jpeg);
  CHECK(fixed.link().points.size() == 1);
  CHECK(fixed.link().points[0].agreement == pixel_point(jpeg(70)).agreement);
  CHECK(PixelPacker(pictures(), {}, false).link().points.size() == 2);
  Architecture deep = pictures();
  deep.channels = 4;
  CHECK(PixelPacker(deep, {}, true).link().points.size() == 2);
}

}  // namespace
}  // namespace quantring
