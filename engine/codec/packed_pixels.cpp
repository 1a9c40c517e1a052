#include "engine/codec/packed_pixels.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/codec/codec.h"
#include "ops/base/error.h"

namespace quantring {
namespace {

using Byte = std::uint8_t;

Byte predicted(Byte left, Byte up, Byte corner) {
  const Byte low = std::min(left, up), high = std::max(left, up);
  if (corner >= high) return low;
  if (corner <= low) return high;
  return static_cast<Byte>(left + up - corner);
}

// Calls each(at, prediction) in the order of the rows; `pixels` is read up to `at` alone.
template <typename Each>
void predict_plane(const Byte* pixels, std::size_t height, std::size_t width, Each&& each) {
  each(0, Byte{0});
  for (std::size_t x = 1; x < width; ++x) each(x, pixels[x - 1]);
  for (std::size_t y = 1; y < height; ++y) {
    const std::size_t row = y * width;
    each(row, pixels[row - width]);
    for (std::size_t at = row + 1; at < row + width; ++at)
      each(at, predicted(pixels[at - 1], pixels[at - width], pixels[at - width - 1]));
  }
}

// The first and the third of three planes, less the second; sign 1 takes that back.
void shift_by_second(Byte* planes, std::size_t plane, int sign) {
  for (std::size_t i = 0; i < plane; ++i) {
    const int second = sign * planes[plane + i];
    planes[i] = static_cast<Byte>(planes[i] + second);
    planes[2 * plane + i] = static_cast<Byte>(planes[2 * plane + i] + second);
  }
}

std::vector<Byte> residuals(const Byte* pixels, PixelShape shape) {
  std::vector<Byte> left(shape.count());
  const std::size_t plane = shape.height * shape.width, image = shape.channels * plane;
  for (std::size_t begin = 0; begin < left.size(); begin += plane) {
    const Byte* from = pixels + begin;
    Byte* to = left.data() + begin;
    predict_plane(from, shape.height, shape.width, [&](std::size_t at, Byte prediction) {
      to[at] = static_cast<Byte>(from[at] - prediction);
    });
  }
  if (shape.channels == 3) {
    for (std::size_t begin = 0; begin < left.size(); begin += image)
      shift_by_second(left.data() + begin, plane, -1);
  }
  return left;
}

void restore(Byte* planes, PixelShape shape) {
  const std::size_t plane = shape.height * shape.width, image = shape.channels * plane;
  if (shape.channels == 3) {
    for (std::size_t begin = 0; begin < shape.count(); begin += image)
      shift_by_second(planes + begin, plane, 1);
  }
  for (std::size_t begin = 0; begin < shape.count(); begin += plane) {
    Byte* const pixels = planes + begin;
    predict_plane(pixels, shape.height, shape.width, [&](std::size_t at, Byte prediction) {
      pixels[at] = static_cast<Byte>(pixels[at] + prediction);
    });
  }
}

// Bytes of the stream, or 0 where it would be longer than `room`.
std::size_t deflated(std::vector<Byte>& from, Byte* to, std::size_t room) {
  z_stream stream{};
  // Only the lengths of codes are fitted: a search for repetitions finds none in photos.
  if (deflateInit2(&stream, 1, Z_DEFLATED, -MAX_WBITS, 9, Z_HUFFMAN_ONLY) != Z_OK)
    throw Error("zlib cannot start");
  stream.next_in = from.data();
  stream.avail_in = static_cast<uInt>(from.size());
  stream.next_out = to;
  stream.avail_out = static_cast<uInt>(room);
  const int end = deflate(&stream, Z_FINISH);
  deflateEnd(&stream);
  return end == Z_STREAM_END ? room - stream.avail_out : 0;
}

void check_shape(PixelShape shape) {
  if (shape.count() == 0 || shape.count() > std::numeric_limits<uInt>::max())
    throw Error("pixels of no picture, or of more than fit in a frame");
}

}  // namespace

std::vector<std::byte> packed_pixels(std::span<const std::byte> pixels, PixelShape shape) {
  check_shape(shape);
  if (pixels.size() != shape.count()) throw Error("pixels of another shape");
  std::vector<Byte> left = residuals(reinterpret_cast<const Byte*>(pixels.data()), shape);
  std::vector<std::byte> coded(coded_header_bytes + left.size());
  write_coded_header({CodecId::packed_pixels, 8}, std::span(coded).first<coded_header_bytes>());
  const std::size_t bytes =
      deflated(left, reinterpret_cast<Byte*>(coded.data() + coded_header_bytes), left.size());
  if (bytes == 0) return coded_pixels(pixels);
  coded.resize(coded_header_bytes + bytes);
  return coded;
}

bool is_packed_pixels(std::span<const std::byte> coded) {
  return coded.size() >= coded_header_bytes &&
         static_cast<CodecId>(coded[0]) == CodecId::packed_pixels;
}

std::vector<std::byte> unpacked_pixels(std::span<const std::byte> coded, PixelShape shape) {
  check_shape(shape);
  if (!is_packed_pixels(coded) || coded[1] != std::byte{8} || coded[2] != std::byte{0} ||
      coded[3] != std::byte{0} || coded.size() > coded_header_bytes + shape.count())
    throw Error("packed pixels with a wrong header");
  std::vector<std::byte> pixels(coded_header_bytes + shape.count());
  write_coded_header({CodecId::pixels, 8}, std::span(pixels).first<coded_header_bytes>());
  Byte* const planes = reinterpret_cast<Byte*>(pixels.data() + coded_header_bytes);

  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) throw Error("zlib cannot start");
  stream.next_in =
      const_cast<Bytef*>(reinterpret_cast<const Byte*>(coded.data() + coded_header_bytes));
  stream.avail_in = static_cast<uInt>(coded.size() - coded_header_bytes);
  stream.next_out = planes;
  stream.avail_out = static_cast<uInt>(shape.count());
  const int end = inflate(&stream, Z_FINISH);
  const bool whole = end == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!whole) throw Error("packed pixels are damaged, or of another shape");
  restore(planes, shape);
  return pixels;
}

}  // namespace quantring
