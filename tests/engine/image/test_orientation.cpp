// Orientations of EXIF: any bytes, and what they do to pixels. Whole files are compared with Pillow
// in test_image.cpp.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/formats/jpeg_segments.h"
#include "engine/image/image.h"
#include "engine/image/orientation.h"
#include "tests/engine/codec/patterns.h"
#include "tests/support/byte_files.h"
#include "tests/support/jpeg.h"
#include "tests/support/paths.h"

namespace quantring {
namespace {

Bytes text_bytes(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Bytes read_picture(const std::string& name) {
  return read_image_file(test::source_path("tests/engine/fixtures/pictures/") + name);
}

// One entry of a directory in little-endian order.
std::string entry(int tag, int type, int count, int value) {
  return little(tag, 2) + little(type, 2) + little(count, 4) + little(value, 4);
}

std::string tiff(const std::string& entries, int directory = 8) {
  return "II" + little(42, 2) + little(directory, 4) + little(entries.size() / 12, 2) + entries;
}

Bytes jpeg_with(const std::string& tiff_bytes, const std::string& before = "") {
  const std::string content = std::string("Exif\0\0", 6) + tiff_bytes;
  const auto length = content.size() + 2;
  return text_bytes("\xFF\xD8" + before + "\xFF\xE1" + static_cast<char>(length >> 8) +
                    static_cast<char>(length & 0xFF) + content + "\xFF\xD9");
}

TEST_CASE("each orientation puts every pixel in its place") {
  // 1 2
  // 3 4
  // 5 6
  const Image stored{.width = 2, .height = 3, .channels = 1, .pixels = {1, 2, 3, 4, 5, 6}};
  const std::vector<std::vector<std::uint8_t>> upright = {
      {1, 2, 3, 4, 5, 6}, {2, 1, 4, 3, 6, 5}, {6, 5, 4, 3, 2, 1}, {5, 6, 3, 4, 1, 2},
      {1, 3, 5, 2, 4, 6}, {5, 3, 1, 6, 4, 2}, {6, 4, 2, 5, 3, 1}, {2, 4, 6, 1, 3, 5}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const Image turned = turn_upright(stored, orientation);
    CHECK(turned.width == (orientation < 5 ? 2 : 3));
    CHECK(turned.height == (orientation < 5 ? 3 : 2));
    CHECK(turned.pixels == upright[static_cast<std::size_t>(orientation) - 1]);
  }
  CHECK(turn_upright(stored, 0).pixels == stored.pixels);
  CHECK(turn_upright(stored, 9).pixels == stored.pixels);
}

TEST_CASE("a large picture is turned as a small one") {
  const Image stored = draw("noise", 101, 67, 3);
  for (const int orientation : {3, 6, 7}) {
    const Image turned = turn_upright(stored, orientation);
    bool same = true;
    for (int y = 0; y < turned.height; ++y) {
      for (int x = 0; x < turned.width; ++x) {
        const int from_x = orientation == 3 ? 100 - x : orientation == 6 ? y : 100 - y;
        const int from_y = orientation == 3 ? 66 - y : 66 - x;
        for (int c = 0; c < 3; ++c)
          same = same && turned.pixels[(y * turned.width + x) * 3 + c] ==
                             stored.pixels[(from_y * 101 + from_x) * 3 + c];
      }
    }
    CHECK(same);
  }
}

TEST_CASE("the orientation is found behind other segments and entries") {
  const std::string turned = tiff(entry(0x010F, 2, 4, 0) + entry(0x0112, 3, 1, 6));
  CHECK(exif_orientation(jpeg_with(turned)) == 6);
  CHECK(exif_orientation(jpeg_with(turned, std::string("\xFF\xE1\0\x0Ahttp://x", 14))) == 6);
  CHECK(exif_orientation(jpeg_with(turned, std::string("junk\xFF\xFF\xEE\0\2", 9))) == 6);
  CHECK(exif_orientation(jpeg_with(tiff(entry(0x0112, 4, 1, 8)))) == 8);  // a long
}

TEST_CASE("what EXIF says wrongly or not at all is upright") {
  for (const std::string& wrong :
       {std::string(), std::string("II"), tiff(""), tiff(entry(0x0112, 3, 1, 0)),
        tiff(entry(0x0112, 3, 1, 9)), tiff(entry(0x0112, 3, 2, 6)), tiff(entry(0x0112, 2, 1, 6)),
        tiff(entry(0x0112, 3, 1, 6), 9), tiff(entry(0x0112, 3, 1, 6), -1),
        "XX" + tiff(entry(0x0112, 3, 1, 6)).substr(2)})
    CHECK(exif_orientation(jpeg_with(wrong)) == 1);
  CHECK(exif_orientation({}) == 1);
  CHECK(exif_orientation(read_picture("baseline.jpg")) == 1);
  CHECK(exif_orientation(read_picture("rgb.bmp")) == 1);
}

TEST_CASE("a file that ends anywhere has an orientation or none") {
  for (const char* const name : {"orientation_6.jpg", "orientation_6.png", "orientation_6.webp"}) {
    const Bytes whole = read_picture(name);
    bool found = false;
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      // A copy of this size, so that a sanitizer sees what is read behind its end.
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const int orientation = exif_orientation(cut);
      CHECK((orientation == 6 || (orientation == 1 && !found)));
      found = found || orientation == 6;
    }
    CHECK(found);
  }
}

TEST_CASE("browsers get a JPEG as it came only if all of them show it right") {
  for (const char* const name : {"baseline.jpg", "progressive.jpg", "grey.jpg", "restarts.jpg"})
    CHECK(any_browser_shows(read_picture(name)));
  for (const char* const name :
       {"orientation_6.jpg", "cmyk.jpg", "cmyk_no_adobe.jpg", "rgb.png", "lossy.webp"})
    CHECK_FALSE(any_browser_shows(read_picture(name)));
  CHECK(any_browser_shows(test::numbered_jpeg(5)));
  Bytes arithmetic = read_picture("baseline.jpg");
  for (std::size_t i = 0; i + 1 < arithmetic.size(); ++i)
    if (arithmetic[i] == std::byte{0xFF} && arithmetic[i + 1] == std::byte{0xC0})
      arithmetic[i + 1] = std::byte{0xC9};
  CHECK_FALSE(any_browser_shows(arithmetic));
  CHECK_FALSE(any_browser_shows({}));
}

}  // namespace
}  // namespace quantring
