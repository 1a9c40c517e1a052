// Decoding against Pillow (fixtures/make_resize_fixtures.py), and pictures that must be refused.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/image.h"
#include "ops/base/error.h"
#include "tests/support/byte_files.h"
#include "tests/engine/codec/patterns.h"
#include "tests/support/temp_folder.h"
#include "tests/support/paths.h"

namespace quantring {
namespace {

const std::string pictures = quantring::test::source_path("tests/engine/fixtures/pictures/");

Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::uint8_t> from_hex(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string error_of(const Bytes& bytes) {
  try {
    decode_image(bytes, 3, "it.png");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("every format comes out as Pillow decodes it") {
  std::ifstream expected(pictures + "expected.txt");
  int files = 0;
  for (std::string name, rgb, grey; expected >> name; ++files) {
    int width = 0, height = 0;
    expected >> width >> height >> rgb >> grey;
    CAPTURE(name);
    for (const int channels : {3, 1}) {
      CAPTURE(channels);
      const Image image = load_image(pictures + name, channels);
      const auto reference = from_hex(channels == 3 ? rgb : grey);
      REQUIRE(image.width == width);
      REQUIRE(image.height == height);
      REQUIRE(image.channels == channels);
      REQUIRE(image.pixels.size() == reference.size());
      int farthest = 0;
      for (std::size_t i = 0; i < reference.size(); ++i)
        farthest = std::max(farthest, std::abs(image.pixels[i] - reference[i]));
      // Only JPEG leaves its decoders some freedom.
      CHECK(farthest <= (name.ends_with(".jpg") ? 2 : 0));
      const auto [low, high] = std::minmax_element(reference.begin(), reference.end());
      CHECK(*high - *low > 70);
    }
  }
  CHECK(files == 10);
}

TEST_CASE("of 16-bit samples the upper byte is kept") {
  const Bytes rows{std::byte{0}, std::byte{0x12}, std::byte{0xFF}, std::byte{0xAB}, std::byte{0}};
  const Image image = decode_image(png_file(2, 1, 16, 0, rows), 1, "it.png");
  CHECK(image.pixels == std::vector<std::uint8_t>{0x12, 0xAB});
}

TEST_CASE("grey and colour go both ways") {
  const Image rgb{.width = 2, .height = 1, .channels = 3, .pixels = {255, 0, 0, 10, 200, 30}};
  const Image grey = convert_channels(rgb, 1);
  CHECK(grey.pixels == std::vector<std::uint8_t>{76, 124});
  CHECK(convert_channels(grey, 3).pixels == std::vector<std::uint8_t>{76, 76, 76, 124, 124, 124});
  CHECK(convert_channels(rgb, 3).pixels == rgb.pixels);
  CHECK_THROWS_AS(convert_channels(rgb, 4), Error);
}

TEST_CASE("a PNG may begin its data with an empty chunk") {
  Bytes bytes = read_bytes(pictures + "rgb.png");
  const Image expected = decode_image(bytes, 3, "it.png");
  constexpr std::size_t after_ihdr = 8 + 25;
  Bytes chunk;
  for (const unsigned char value : std::string("\0\0\0\0IDAT\x35\xAF\x06\x1E", 12))
    chunk.push_back(std::byte{value});
  bytes.insert(bytes.begin() + after_ihdr, chunk.begin(), chunk.end());
  CHECK(decode_image(bytes, 3, "it.png").pixels == expected.pixels);
}

TEST_CASE("what is no picture is refused, naming the file and the formats") {
  for (const Bytes& bytes : {Bytes{}, counting(3), counting(500)}) {
    const std::string text = error_of(bytes);
    CHECK(contains(text, "it.png: not a picture"));
    CHECK(contains(text, "JPEG, PNG and BMP"));
  }
  CHECK_THROWS_AS(decode_image(grey_png(2, 2, 9), 2, "it.png"), Error);
}

TEST_CASE("a cut picture is refused wherever it is cut") {
  for (const char* const name :
       {"rgb.png", "rgb.bmp", "grey.bmp", "baseline.jpg", "progressive.jpg", "grey.jpg"}) {
    const Bytes whole = read_bytes(pictures + name);
    REQUIRE(whole.size() > 100);
    CAPTURE(name);
    CHECK(error_of(whole) == "no error");
    // A PNG's last chunk holds nothing but the end: stb and Pillow stop asking in the middle of it.
    const std::size_t needed = whole.size() - (std::string(name) == "rgb.png" ? 4 : 0);
    std::size_t accepted = 0;
    for (std::size_t size = 0; size < needed; ++size)
      accepted += error_of(Bytes(whole.begin(), whole.begin() + size)) == "no error";
    CHECK(accepted == 0);
  }
}

TEST_CASE("sizes beyond the bounds are refused before memory is taken") {
  CHECK(contains(error_of(png_file(20000, 20000, 8, 0, {})), "20000 x 20000 is too large"));
  CHECK(error_of(png_file(70000, 1, 8, 0, {})) != "no error");
  CHECK(error_of(png_file(0, 1, 8, 0, {})) != "no error");
}

TEST_CASE("a small picture that inflates to much more is refused") {
  const Bytes honest = png_file(1, 1, 8, 0, Bytes(2));
  CHECK(error_of(honest) == "no error");
  const Bytes bomb = png_file(1, 1, 8, 0, Bytes(64 << 20));
  REQUIRE(bomb.size() < 100'000);
  CHECK(contains(error_of(bomb), "it.png: broken picture (outofmem)"));
}

TEST_CASE("a Huffman table with more codes than there are is refused wherever it stands") {
  const Bytes good = read_bytes(pictures + "progressive.jpg");
  int tables = 0;
  for (std::size_t i = 0; i + 5 < good.size(); ++i) {
    if (good[i] != std::byte{0xFF} || good[i + 1] != std::byte{0xC4}) continue;
    Bytes bad = good;
    bad[i + 5] = bad[i + 20] = std::byte{0xFF};  // the first and the last of its counts
    CHECK(contains(error_of(bad), "bad Huffman table"));
    ++tables;
  }
  CHECK(tables > 3);
}

TEST_CASE("a file that cannot be read is named") {
  const TempFolder folder;
  for (const std::string& path : {folder / "missing.png", folder.path().string()}) {
    try {
      load_image(path, 3);
      FAIL("read " << path);
    } catch (const Error& error) {
      CHECK(contains(error.what(), path));
    }
  }
}

}  // namespace
}  // namespace quantring
