// Decoding against Pillow (fixtures/make_picture_fixtures.py), and pictures that must be refused.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/formats/jpeg_write.h"
#include "engine/image/image.h"
#include "ops/base/error.h"
#include "tests/engine/codec/patterns.h"
#include "tests/support/byte_files.h"
#include "tests/support/golden.h"
#include "tests/support/jpeg.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::contains;

const std::string pictures = test::source_path("tests/engine/fixtures/pictures/");

Bytes read_bytes(const std::string& name) {
  return read_image_file(pictures + name);
}

std::string error_of(const Bytes& bytes) {
  return test::error_of([&] { decode_image(bytes, 3, "it.png"); });
}

std::uint32_t checksum(const std::vector<std::uint8_t>& pixels) {
  return static_cast<std::uint32_t>(crc32(0, pixels.data(), static_cast<unsigned>(pixels.size())));
}

std::size_t find(const Bytes& bytes, std::size_t from, std::initializer_list<int> pattern) {
  const auto same = [](std::byte found, int wanted) { return found == std::byte(wanted); };
  const auto at = std::search(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(),
                              pattern.begin(), pattern.end(), same);
  REQUIRE(at != bytes.end());
  return static_cast<std::size_t>(at - bytes.begin());
}

void insert(Bytes& bytes, std::size_t at, const Bytes& more) {
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
}

TEST_CASE("every format decodes to Pillow's pixels, value for value") {
  std::ifstream expected(pictures + "expected.txt");
  int files = 0;
  for (std::string line; std::getline(expected, line); ++files) {
    std::istringstream fields(line);
    std::string name;
    int width = 0, height = 0;
    std::uint32_t rgb_sum = 0, grey_sum = 0;
    fields >> name >> width >> height >> rgb_sum >> grey_sum;
    CAPTURE(name);
    const Image rgb = load_image(pictures + name, 3), grey = load_image(pictures + name, 1);
    REQUIRE(rgb.width == width);
    REQUIRE(rgb.height == height);
    REQUIRE(rgb.channels == 3);
    REQUIRE(grey.channels == 1);
    REQUIRE(rgb.pixels.size() == static_cast<std::size_t>(width) * height * 3);
    int sample = 0, farthest = 0;
    for (std::size_t i = 0; fields >> sample; ++i)
      farthest =
          std::max(farthest, std::abs(sample - rgb.pixels[i * (rgb.pixels.size() - 1) / 31]));
    CHECK(farthest == 0);
    CHECK(checksum(rgb.pixels) == rgb_sum);
    CHECK(checksum(grey.pixels) == grey_sum);
    if (width * height > 1) {
      const auto [low, high] = std::minmax_element(rgb.pixels.begin(), rgb.pixels.end());
      CHECK(*high - *low > 70);
    }
  }
  CHECK(files == 76);
}

// Checksums of Pillow 12's exif_transpose and convert("RGB"). It refuses the file without an end
// marker, whose pixels are those of the whole file.
TEST_CASE("unusual files decode to Pillow's pixels") {
  const auto folder = test::golden("field/pic");
  if (!folder) return;
  const std::vector<std::pair<std::string, std::uint32_t>> files = {
      {"plain.jpg", 829474444},       {"no_eoi.jpg", 829474444},
      {"plain.png", 969809015},       {"drone_junk_ff00.jpg", 829474444},
      {"webp_named.jpg", 2456354400}, {"cmyk_no_adobe.jpg", 3682641535},
      {"arith.jpg", 3337972065},      {"exif3.jpg", 2874600373},
      {"exif6.jpg", 659386857},       {"exif8.jpg", 2963880075}};
  for (const auto& [name, sum] : files) {
    CAPTURE(name);
    CHECK(checksum(load_image(*folder / name, 3).pixels) == sum);
  }
}

TEST_CASE("of 16-bit samples the upper byte is kept") {
  const Bytes rows{std::byte{0}, std::byte{0x12}, std::byte{0xFF}, std::byte{0xAB}, std::byte{0}};
  const Image image = decode_image(png_file(2, 1, 16, 0, rows), 1, "it.png");
  CHECK(image.pixels == std::vector<std::uint8_t>{0x12, 0xAB});
}

TEST_CASE("grey to colour and back") {
  const Image rgb{.width = 2, .height = 1, .channels = 3, .pixels = {255, 0, 0, 10, 200, 30}};
  const Image grey = convert_channels(rgb, 1);
  CHECK(grey.pixels == std::vector<std::uint8_t>{76, 124});
  CHECK(convert_channels(grey, 3).pixels == std::vector<std::uint8_t>{76, 76, 76, 124, 124, 124});
  CHECK(convert_channels(rgb, 3).pixels == rgb.pixels);
  CHECK_THROWS_AS(convert_channels(rgb, 4), Error);
}

TEST_CASE("a PNG may begin its data with an empty chunk") {
  Bytes bytes = read_bytes("rgb.png");
  const Image expected = decode_image(bytes, 3, "it.png");
  constexpr std::size_t after_ihdr = 8 + 25;
  insert(bytes, after_ihdr, png_chunk("IDAT", {}));
  CHECK(decode_image(bytes, 3, "it.png").pixels == expected.pixels);
}

TEST_CASE("what is not a picture is refused, naming the file and the formats") {
  for (const Bytes& bytes : {counting(3), counting(500)}) {
    const std::string text = error_of(bytes);
    CHECK(contains(text, "it.png: not a picture"));
    CHECK(contains(text, "JPEG, PNG, WebP, BMP, GIF, TGA and PNM"));
  }
  CHECK_THROWS_AS(decode_image(grey_png(2, 2, 9), 2, "it.png"), Error);
}

TEST_CASE("a cut picture is refused unless only its end marker is missing") {
  struct Case {
    std::string name;
    std::size_t end_marker;
  };
  for (const Case& c : {Case{"rgb.png", 12},
                        {"interlaced.png", 12},
                        {"rgb.bmp", 0},
                        {"grey.bmp", 0},
                        {"rgb.ppm", 0},
                        {"rgb.tga", 26},
                        {"palette.gif", 1},
                        {"lossy.webp", 0},
                        {"lossless.webp", 0},
                        {"baseline.jpg", 2},
                        {"progressive.jpg", 2},
                        {"progressive_420.jpg", 2},
                        {"grey.jpg", 2},
                        {"photo_420.jpg", 2},
                        {"restarts.jpg", 2},
                        {"cmyk.jpg", 2}}) {
    const Bytes whole = read_bytes(c.name);
    REQUIRE(whole.size() > 100);
    CAPTURE(c.name);
    const Image expected = decode_image(whole, 3, "it");
    std::vector<std::size_t> accepted;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const bool read = error_of(cut) == "no error";
      if (size + c.end_marker < whole.size()) {
        if (read) accepted.push_back(whole.size() - size);
      } else {
        CHECK(read);
        if (read) CHECK(decode_image(cut, 3, "it").pixels == expected.pixels);
      }
    }
    CAPTURE(accepted.empty() ? 0 : accepted.front());
    CHECK(accepted.size() == 0);
  }
}

TEST_CASE("a JPEG with damaged pixels is refused, not filled with grey") {
  Bytes early_end = read_bytes("photo_420.jpg");
  early_end[early_end.size() - 60] = std::byte{0xFF};
  early_end[early_end.size() - 59] = std::byte{0xD9};
  CHECK(contains(error_of(early_end), "premature end of data segment"));
  Bytes restarts = read_bytes("restarts.jpg");
  restarts[find(restarts, 0, {0xFF, 0xD1}) + 1] = std::byte{0xD3};
  CHECK(contains(error_of(restarts), "instead of RST1"));
}

TEST_CASE("junk between the last pixels and the end of a JPEG is skipped") {
  for (const char* const name : {"photo_420.jpg", "progressive_420.jpg", "restarts.jpg", "grey.jpg",
                                 "cmyk.jpg", "orientation_6.jpg"}) {
    CAPTURE(name);
    const Bytes whole = read_bytes(name);
    const Image expected = decode_image(whole, 3, "it");
    const Bytes junk{std::byte{0x12}, std::byte{0xFF}, std::byte{0}, std::byte{0x34}};
    const Bytes restart{std::byte{0xFF}, std::byte{0xD0}};
    for (const Bytes& more : {junk, restart, Bytes(300), Bytes(5, std::byte{0xFF})}) {
      Bytes bytes = whole;
      insert(bytes, whole.size() - 2, more);
      CHECK(decode_image(bytes, 3, "it").pixels == expected.pixels);
      bytes.resize(bytes.size() - 2);  // and no end marker
      CHECK(decode_image(bytes, 3, "it").pixels == expected.pixels);
    }
  }
}

TEST_CASE("bytes between the segments of a JPEG are skipped") {
  Bytes bytes = read_bytes("photo_420.jpg");
  const Image expected = decode_image(bytes, 3, "it");
  insert(bytes, 20, counting(30));  // after SOI and APP0
  CHECK(decode_image(bytes, 3, "it").pixels == expected.pixels);
}

TEST_CASE("sizes outside the limits are refused before memory is allocated") {
  CHECK(
      contains(error_of(png_file(20000, 20000, 8, 0, {})), "20000 x 20000 is outside the limits"));
  CHECK(contains(error_of(png_file(70000, 1, 8, 0, {})), "70000 x 1 is outside the limits"));
  CHECK(error_of(png_file(0, 1, 8, 0, {})) != "no error");
  Bytes jpeg = read_bytes("baseline.jpg");
  const std::size_t frame = find(jpeg, 0, {0xFF, 0xC0});
  for (std::size_t i = frame + 5; i < frame + 9; ++i) jpeg[i] = std::byte{0x7F};
  CHECK(contains(error_of(jpeg), "32639 x 32639 is outside the limits"));
}

TEST_CASE("data after a PNG's last row is not inflated") {
  const Bytes bomb = png_file(1, 1, 8, 0, Bytes(64 << 20));
  REQUIRE(bomb.size() < 100'000);
  CHECK(error_of(bomb) == "no error");
}

TEST_CASE("a PNG with a wrong checksum is refused") {
  Bytes bytes = read_bytes("rgb.png");
  bytes[bytes.size() - 13] ^= std::byte{1};  // of the pixels
  CHECK(contains(error_of(bytes), "it.png: broken picture (IDAT: CRC error)"));
}

TEST_CASE("a JPEG with very many scans is refused") {
  const Bytes whole = read_bytes("progressive.jpg");
  const std::size_t begin = find(whole, 0, {0xFF, 0xDA});
  std::size_t end = begin + 2;
  while (whole[end] != std::byte{0xFF} || whole[end + 1] == std::byte{0}) ++end;
  const auto repeated = [&](int times) {
    const Bytes scan(whole.begin() + static_cast<std::ptrdiff_t>(begin),
                     whole.begin() + static_cast<std::ptrdiff_t>(end));
    Bytes bytes = whole;
    for (int i = 0; i < times; ++i) insert(bytes, begin, scan);
    return error_of(bytes);
  };
  CHECK(repeated(20) == "no error");
  CHECK(contains(repeated(200), "broken picture"));
}

TEST_CASE("a JPEG without Huffman tables gets the standard ones: many cameras omit them") {
  const Bytes whole = test::numbered_jpeg(77);
  const Bytes bare = test::without_huffman_tables(whole);
  REQUIRE(bare.size() + 400 < whole.size());
  CHECK(decode_image(bare, 3, "bare").pixels == decode_image(whole, 3, "whole").pixels);
}

TEST_CASE("a written JPEG is close to the picture; what cannot be written is refused") {
  for (const int channels : {1, 3}) {
    const Image image = draw("gradient", 45, 31, channels);
    const Image read = decode_image(encode_jpeg(image, 100), channels, "written");
    REQUIRE(read.pixels.size() == image.pixels.size());
    double sum = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      sum += std::abs(read.pixels[i] - image.pixels[i]);
    CHECK(sum / static_cast<double>(image.pixels.size()) < (channels == 1 ? 1 : 6));
    CHECK(encode_jpeg(image, 100).size() > 2 * encode_jpeg(image, 20).size());
  }
  CHECK_THROWS_AS(encode_jpeg({}, 90), Error);
  CHECK_THROWS_AS(encode_jpeg({.width = 2, .height = 2, .channels = 3, .pixels = {1, 2}}, 90),
                  Error);
  const Image wide{
      .width = 65535, .height = 1, .channels = 1, .pixels = std::vector<std::uint8_t>(65535)};
  CHECK(contains(test::error_of([&] { encode_jpeg(wide, 90); }), "65500"));
}

TEST_CASE("a file that cannot be read is named") {
  const TempFolder folder;
  for (const std::string& path : {folder / "missing.png", folder.path().string()})
    CHECK(contains(test::error_of([&] { load_image(path, 3); }), path));
}

}  // namespace
}  // namespace quantring
