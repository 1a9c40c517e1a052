// Messages for files that cannot be read as pictures.
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "engine/image/image.h"
#include "tests/support/byte_files.h"
#include "tests/support/golden.h"
#include "tests/support/jpeg.h"
#include "tests/support/texts.h"

namespace quantring {
namespace {

using test::contains;
using namespace std::string_literals;

std::string error_of(const std::string& file) {
  return test::error_of([&] { decode_image(std::as_bytes(std::span(file)), 3, "it.jpg"); });
}

TEST_CASE("a file of another format is named, with a way to convert it") {
  const std::vector<std::vector<std::string>> files = {
      {"\0\0\0\x1C"
       "ftypheic\0\0\0\0mif1heicmiaf"s,
       "a HEIC picture", "heif-convert"},
      {"\0\0\0\x18"
       "ftypmif1\0\0\0\0mif1heic"s,
       "a HEIC picture", "heif-convert"},
      {"\0\0\0\x1C"
       "ftypmif1\0\0\0\0mif1avifmiaf"s,
       "an AVIF picture", "avifdec"},
      {"\0\0\0\x18"
       "ftypmp42\0\0\0\0mp42isom"s,
       "a video (MP4 or QuickTime)", "quantring camera"},
      {"II*\0\x08\0\0\0"s, "a TIFF picture", "convert x.tif x.png"},
      {"MM\0*\0\0\0\x08"s, "a TIFF picture", "convert x.tif x.png"},
      {"\xFF\x0A\x00"s, "a JPEG XL picture", "djxl"},
      {"\0\0\0\x0CjP  \r\n\x87\n"s, "a JPEG 2000 picture", "opj_decompress"},
      {"8BPS\0\1"s, "a Photoshop picture", "convert x.psd"},
      {"%PDF-1.7"s, "a PDF document", "pdfimages"},
      {"RIFF\0\0\0\0AVI LIST"s, "a video (AVI)", "quantring camera"},
      {"\0\x05\x16\x07\0\2\0\0Mac OS X"s, "AppleDouble", "leave it out"},
      {"version https://git-lfs.github.com/spec/v1\n"s, "only a pointer of Git LFS",
       "git lfs pull"},
      {"\n<!DOCTYPE html><html>404</html>"s, "a web page (HTML)", "download the picture itself"},
      {"\xEF\xBB\xBF<HTML><Body>"s, "a web page (HTML)", "download the picture itself"},
      {"<?xml version=\"1.0\"?>\n<svg xmlns=\"x\">"s, "an SVG drawing", "rsvg-convert"},
      {"{\"error\": \"not found\"}\nmore"s, "a JSON file", "{\"error\": \"not found\"}\""},
      {"P3 1 1 255 0 0 0"s, "a PNM of the kind P3", "convert x.pnm"},
      {""s, "an empty file", "has failed"},
      {std::string(3000, '\0'), "a file of zeros", "has failed"}};
  for (const auto& file : files) {
    const std::string error = error_of(file[0]);
    CAPTURE(error);
    CHECK(error.starts_with("it.jpg: "));
    CHECK(contains(error, file[1]));
    CHECK(contains(error, file[2]));
    CHECK(contains(error, "JPEG, PNG, WebP, BMP, GIF, TGA and PNM can be read"));
    for (std::size_t size = 0; size < file[0].size(); size += 1 + size / 16)
      CHECK(error_of(file[0].substr(0, size)) != "no error");
  }
}

TEST_CASE("pictures whose bytes are letters are no text") {
  CHECK(error_of("P6 1 1 255\nabc") == "no error");
}

TEST_CASE("kinds of JPEG that few programs read are named") {
  const Bytes usual = test::numbered_jpeg(5);
  const auto changed = [&](std::size_t behind_frame_marker, int value) {
    std::string file(reinterpret_cast<const char*>(usual.data()), usual.size());
    file[file.find("\xFF\xC0") + behind_frame_marker] = static_cast<char>(value);
    return error_of(file);
  };
  CHECK(contains(changed(4, 12), "a JPEG with 12 bits a value"));
  CHECK(contains(changed(1, 0xC3), "JPEG"));
  CHECK(contains(changed(1, 0xC7), "a lossless or hierarchical JPEG"));
}

TEST_CASE("the files of strangers are named") {
  const auto folder = test::golden("field/pic");
  if (!folder) return;
  const std::vector<std::pair<const char*, const char*>> files = {
      {"real.heic", "a HEIC picture"},
      {"pic.tif", "a TIFF picture"},
      {"zero.jpg", "an empty file"},
      {"html_saved_as.jpg", "a web page (HTML)"}};
  for (const auto& [name, said] : files) {
    const std::string error = test::error_of([&] { load_image(*folder / name, 3); });
    CAPTURE(error);
    CHECK(contains(error, name));
    CHECK(contains(error, said));
  }
}

}  // namespace
}  // namespace quantring
