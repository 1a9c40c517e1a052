// JPEGs out of streams, however the stream is divided.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "engine/camera/mjpeg_splitter.h"
#include "engine/image/image.h"
#include "ops/base/error.h"
#include "tests/support/jpeg.h"
#include "tests/support/temp_folder.h"

namespace quantring {
namespace {

using test::Bytes;
using test::numbered_jpeg;

Bytes text(const std::string& characters) {
  const auto bytes = std::as_bytes(std::span(characters));
  return {bytes.begin(), bytes.end()};
}

Bytes bytes(std::initializer_list<int> values) {
  Bytes all;
  for (const int value : values) all.push_back(std::byte(value));
  return all;
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

struct Split {
  std::vector<Bytes> frames;
  std::uint64_t broken = 0;
  bool operator==(const Split&) const = default;
};

// piece(): the size of the next piece.
template <typename Piece>
Split split(const Bytes& stream, Piece piece, std::size_t max_bytes = mjpeg_max_frame_bytes) {
  MjpegSplitter splitter(max_bytes);
  Split result;
  Bytes frame;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::min<std::size_t>(piece(), stream.size() - at);
    splitter.push({stream.data() + at, size});
    while (splitter.pop(frame)) result.frames.push_back(frame);
    at += size;
  }
  splitter.end();
  while (splitter.pop(frame)) result.frames.push_back(frame);
  result.broken = splitter.broken();
  return result;
}

Split split(const Bytes& stream) {
  return split(stream, [&] { return stream.size(); });
}

// After start of image: a segment of the given kind around `content`.
Bytes with_segment(const Bytes& jpeg, int code, const Bytes& content) {
  const auto length = static_cast<int>(content.size() + 2);
  const Bytes segment = bytes({0xFF, code, length >> 8, length & 0xFF}) + content;
  return Bytes(jpeg.begin(), jpeg.begin() + 2) + segment + Bytes(jpeg.begin() + 2, jpeg.end());
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  return text(all);
}

TEST_CASE("pictures between other bytes are found unchanged") {
  const std::vector<Bytes> jpegs = {numbered_jpeg(0), numbered_jpeg(1), numbered_jpeg(700)};
  Bytes stream = text("--boundary\r\nContent-Type: image/jpeg\r\n\r\n");
  for (const Bytes& jpeg : jpegs)
    stream = stream + jpeg + text("\r\n--boundary\r\nContent-Length: 7\r\n\r\n") + bytes({0xFF, 0});
  const Split result = split(stream);
  CHECK(result.frames == jpegs);
  CHECK(result.broken == 0);
}

TEST_CASE("the result does not depend on how the stream is divided") {
  const Bytes thumbnail = numbered_jpeg(9);
  const Bytes stream = text("x\xFF\xFF") + numbered_jpeg(1) + text("\xFF") +
                       with_segment(numbered_jpeg(2), 0xE1, text("Exif") + thumbnail) +
                       Bytes(thumbnail.begin(), thumbnail.end() - 40) + numbered_jpeg(3);
  const Split expected = split(stream);
  REQUIRE(expected.frames.size() == 4);
  CHECK(expected.broken == 0);
  for (std::size_t first = 1; first < stream.size(); ++first) {
    bool rest = false;
    const Split result =
        split(stream, [&] { return std::exchange(rest, true) ? stream.size() : first; });
    if (result != expected) FAIL("cut after " << first);
  }
  CHECK(split(stream, [] { return 1; }) == expected);
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    const std::size_t max_piece = 1 + random() % 300;
    CHECK(split(stream, [&] { return 1 + random() % max_piece; }) == expected);
  }
}

TEST_CASE("a thumbnail inside a segment is not a picture") {
  const Bytes outer = with_segment(numbered_jpeg(5), 0xE1, text("Exif") + numbered_jpeg(6));
  const Split result = split(outer);
  REQUIRE(result.frames.size() == 1);
  CHECK(result.frames[0] == outer);
}

TEST_CASE("restarts, stuffed bytes, fill bytes and several scans belong to the picture") {
  const Bytes scan = bytes({0xFF, 0xDA, 0, 4, 1, 2});
  const Bytes picture =
      bytes({0xFF, 0xD8, 0xFF, 0xFF, 0xE0, 0, 2, 0xFF, 0xC2, 0, 3, 9}) + scan +
      bytes({1, 0xFF, 0, 2, 0xFF, 0xD0, 3, 0xFF, 0xD7, 0xFF, 0xFF, 0xC4, 0, 3, 5}) + scan +
      bytes({0xFF, 0, 0xFF, 0xD9});
  const Split result = split(picture + text("--") + picture);
  CHECK(result.frames == std::vector<Bytes>{picture, picture});
  CHECK(result.broken == 0);
}

TEST_CASE("a broken picture is dropped and counted, and the next one is found") {
  const Bytes good = numbered_jpeg(4);
  const std::vector<std::pair<const char*, Bytes>> cases = {
      {"no pixels", bytes({0xFF, 0xD8, 0xFF, 0xE0, 0, 2, 0xFF, 0xD9})},
      {"no marker where one must be", bytes({0xFF, 0xD8, 0xFF, 0xE0, 0, 2, 7, 7})},
      {"a length below two", bytes({0xFF, 0xD8, 0xFF, 0xE0, 0, 1})},
      {"a reserved marker", bytes({0xFF, 0xD8, 0xFF, 0xE0, 0, 2, 0xFF, 0x20})}};
  for (const auto& wrong : cases) {
    CAPTURE(wrong.first);
    const Split result = split(good + wrong.second + text("\r\n") + good);
    CHECK(result.frames == std::vector<Bytes>{good, good});
    CHECK(result.broken == 1);
  }
}

// Of the scan's marker.
std::size_t scan_begin(const Bytes& jpeg) {
  const Bytes marker = bytes({0xFF, 0xDA});
  return static_cast<std::size_t>(
      std::search(jpeg.begin(), jpeg.end(), marker.begin(), marker.end()) - jpeg.begin());
}

TEST_CASE("junk behind the pixels belongs to the picture, which is read") {
  const Bytes good = numbered_jpeg(4);
  const auto pixels = decode_image(good, 3, "good").pixels;
  const Bytes head(good.begin(), good.end() - 2), end = bytes({0xFF, 0xD9});
  const std::vector<std::pair<const char*, Bytes>> cases = {
      {"stuffed bytes", bytes({0x12, 0x34, 0xFF, 0, 0x56, 0xFF, 0})},
      {"a restart", bytes({0xFF, 0xD0})},
      {"fill bytes", bytes({0xFF, 0xFF, 0xFF})},
      {"a reserved marker", bytes({0xFF, 0x01, 3, 0xFF, 0x33})},
      {"what looks like a long segment", bytes({0xFF, 0xE5, 0xFF, 0xF0, 1})},
      {"zeros", Bytes(500)}};
  for (const auto& [name, junk] : cases) {
    CAPTURE(name);
    const Bytes picture = head + junk + end;
    const Split result = split(picture + text("\r\n--x\r\n\r\n") + picture + picture);
    CHECK(result.frames == std::vector<Bytes>{picture, picture, picture});
    CHECK(result.broken == 0);
    CHECK(decode_image(picture, 3, name).pixels == pixels);
  }
}

TEST_CASE("the next picture ends one without an end marker") {
  const Bytes good = numbered_jpeg(4), open(good.begin(), good.end() - 2);
  const Split result = split(open + good + open + text("\r\n--x\r\n\r\n") + open);
  REQUIRE(result.frames.size() == 4);
  CHECK(result.broken == 0);
  for (const Bytes& frame : result.frames)
    CHECK(decode_image(frame, 3, "it").pixels == decode_image(good, 3, "good").pixels);
  // Without its last pixels it is handed out as well: the decoder knows.
  const Split cut = split(Bytes(good.begin(), good.end() - 20) + good);
  REQUIRE(cut.frames.size() == 2);
  CHECK_THROWS_AS(decode_image(cut.frames[0], 3, "cut"), Error);
}

TEST_CASE("a picture that the end of the stream cuts off before its pixels is broken") {
  const Bytes good = numbered_jpeg(4);
  for (std::size_t size = 4; size < good.size(); ++size) {
    const Split result = split(good + Bytes(good.begin(), good.begin() + size));
    const bool has_scan = size >= scan_begin(good) + 2;
    CHECK(result.frames.size() == (has_scan ? 2 : 1));
    CHECK(result.broken == (has_scan ? 0 : 1));
  }
  CHECK(split(good + bytes({0xFF, 0xD8})).broken == 0);  // also occurs in random data
}

TEST_CASE("a picture that is too large is dropped and counted") {
  const Bytes good = numbered_jpeg(4);
  Bytes large = good;
  large.insert(large.end() - 2, 5000, std::byte{7});
  const Split result = split(
      large + good, [] { return 100; }, good.size());
  CHECK(result.frames == std::vector<Bytes>{good});
  CHECK(result.broken == 1);
  const Split one_less = split(
      good, [] { return 100; }, good.size() - 1);
  CHECK(one_less.frames.empty());
  CHECK(one_less.broken == 1);
}

TEST_CASE("ffmpeg's MJPEG splits into its frames") {
  if (std::system("command -v ffmpeg >/dev/null 2>&1") != 0) {
    MESSAGE("ffmpeg is not installed: its MJPEG was not tried");
    return;
  }
  const TempFolder folder;
  const std::string stream = folder / "stream.mjpeg";
  const std::string command =
      "ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=160x120:rate=25 -frames:v 40 -f mjpeg '" +
      stream + "' -frames:v 40 -f image2 '" + (folder / "%03d.jpg") + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  const Split result = split(read_file(stream), [] { return 1000; });
  REQUIRE(result.frames.size() == 40);
  CHECK(result.broken == 0);
  for (int i = 0; i < 40; ++i) {
    char name[16];
    std::snprintf(name, sizeof name, "%03d.jpg", i + 1);
    CHECK(decode_image(result.frames[i], 3, "stream").pixels ==
          load_image(folder / name, 3).pixels);
  }
}

}  // namespace
}  // namespace quantring
