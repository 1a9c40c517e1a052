// Pictures of several formats in one stream, as `cat` makes it.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/camera/picture_splitter.h"
#include "engine/image/image.h"
#include "tests/support/jpeg.h"
#include "tests/support/paths.h"

namespace quantring {
namespace {

using test::Bytes;

Bytes fixture(const std::string& name) {
  return read_image_file(test::source_path("tests/engine/fixtures/pictures/") + name);
}

Bytes text(const std::string& characters) {
  const auto bytes = std::as_bytes(std::span(characters));
  return {bytes.begin(), bytes.end()};
}

Bytes join(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<Bytes> split(const Bytes& stream, std::size_t piece) {
  PictureSplitter splitter;
  std::vector<Bytes> pictures;
  Bytes picture;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    splitter.push(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
    while (splitter.pop(picture)) pictures.push_back(picture);
  }
  splitter.end();
  while (splitter.pop(picture)) pictures.push_back(picture);
  CHECK(splitter.broken() == 0);
  return pictures;
}

TEST_CASE("pictures of all formats that say where they end are found") {
  std::vector<Bytes> pictures;
  for (const char* const name :
       {"rgb.png", "baseline.jpg", "interlaced.png", "lossy.webp", "lossless.webp", "restarts.jpg",
        "progressive.jpg", "rgb.bmp", "rgb.ppm", "grey.pgm", "palette.gif", "rgb.tga",
        "orientation_8_late.png", "grey.jpg", "palette.gif", "baseline.jpg", "rgb.tga"})
    pictures.push_back(fixture(name));
  const Bytes stream = join(pictures);
  for (const std::size_t piece : {1, 7, 1000, 1 << 20}) {
    CAPTURE(piece);
    CHECK(split(stream, piece) == pictures);
  }
}

TEST_CASE("each picture is there as soon as its last byte has come") {
  PictureSplitter splitter;
  Bytes picture;
  for (const char* const name : {"baseline.jpg", "rgb.png", "lossy.webp"}) {
    splitter.push(fixture(name));
    REQUIRE(splitter.pop(picture));
    CHECK(picture == fixture(name));
  }
}

TEST_CASE("a multipart stream of a camera is split into its JPEGs") {
  const Bytes jpeg = test::numbered_jpeg(3),
              header = text("--x\r\nContent-Type: image/jpeg\r\n\r\n");
  const Bytes end = text("\r\n");
  CHECK(split(join({header, jpeg, end, header, jpeg, end}), 100) == std::vector<Bytes>{jpeg, jpeg});
  CHECK(split(join({end, header, jpeg}), 100) == std::vector<Bytes>{jpeg});
}

TEST_CASE("anything else is one picture, up to the end") {
  for (const Bytes& rest : {text(std::string("II*\0", 4) + "x"), text("<html>"), text("x")}) {
    CHECK(split(rest, 3) == std::vector<Bytes>{rest});
    for (const char* const before : {"rgb.png", "baseline.jpg"})
      CHECK(split(join({fixture(before), rest}), 3) == std::vector<Bytes>{fixture(before), rest});
  }
  CHECK(split({}, 1).empty());
  CHECK(split(join({fixture("rgb.png"), text("\r\n")}), 5).size() == 1);
}

TEST_CASE("another file between two JPEGs is not lost, nor the pictures behind a page of text") {
  const Bytes jpeg = fixture("baseline.jpg");
  const Bytes page = text("<html><head><title>404 Not Found</title></head></html>");
  const Bytes tiff = join({text(std::string("II*\0\x08\0\0\0", 8)), jpeg});
  for (const std::size_t piece : {1, 50, 1 << 20}) {
    CHECK(split(join({jpeg, page, jpeg, page, fixture("rgb.png")}), piece) ==
          std::vector<Bytes>{jpeg, page, jpeg, page, fixture("rgb.png")});
    CHECK(split(join({jpeg, tiff, jpeg}), piece) == std::vector<Bytes>{jpeg, join({tiff, jpeg})});
  }
}

TEST_CASE(
    "bytes of a camera's own behind a JPEG are left out, and counted where they are not fill") {
  const Bytes jpeg = fixture("baseline.jpg");
  const Bytes own = text(std::string("\x05\x01SEF", 5) + std::string(100, '\x02'));
  const Bytes video = text(std::string("\0\0\0\x18", 4) + "ftypmp42" + std::string(40, '\x01'));
  const Bytes zeros(64), fill(20, std::byte{0xFF});
  PictureSplitter splitter;
  splitter.push(join({jpeg, zeros, jpeg, fill, jpeg, own, jpeg, video}));
  splitter.end();
  Bytes picture;
  std::size_t pictures = 0;
  for (; splitter.pop(picture); ++pictures) CHECK(picture == jpeg);
  CHECK(pictures == 4);
  CHECK(splitter.unknown() == 2);
}

TEST_CASE("a BMP whose header says no size, or too much, ends with its pixels") {
  const Bytes bmp = fixture("rgb.bmp"), jpeg = fixture("baseline.jpg");
  for (const std::byte size : {std::byte{0x00}, std::byte{0xFF}}) {
    Bytes wrong = bmp;
    std::fill_n(wrong.begin() + 2, 3, size);  // about 16 MB
    CHECK(split(join({wrong, jpeg}), 100) == std::vector<Bytes>{wrong, jpeg});
  }
}

TEST_CASE("a picture that is cut off is handed out as it is") {
  const Bytes png = fixture("rgb.png"), cut(png.begin(), png.end() - 30);
  CHECK(split(join({png, cut}), 64) == std::vector<Bytes>{png, cut});
  Bytes ppm = text("P6 99999999 99999999 255\n12345");
  CHECK(split(ppm, 4) == std::vector<Bytes>{ppm});
}

}  // namespace
}  // namespace quantring
