#pragma once
// Builds small files: IDX, gzip, PNG.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace quantring {

using Bytes = std::vector<std::byte>;

inline void append(Bytes& bytes, const Bytes& more) {
  for (const std::byte byte : more) bytes.push_back(byte);
}

inline Bytes big_endian(std::uint32_t value) {
  return {std::byte(value >> 24), std::byte(value >> 16), std::byte(value >> 8), std::byte(value)};
}

// Little-endian.
inline std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 0xFF);
  return text;
}

// Any deflate container: window_bits 15 is zlib's, 31 is gzip's, -15 is none (zip's).
inline Bytes deflated(const Bytes& bytes, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, bytes.size()) + 32);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline Bytes gzipped(const Bytes& bytes) {
  return deflated(bytes, 31);
}

// values: the bytes behind the header; they need not fit the shape.
inline Bytes idx_file(const std::vector<std::uint32_t>& shape, const Bytes& values) {
  Bytes file{std::byte{0}, std::byte{0}, std::byte{8}, std::byte(shape.size())};
  for (const std::uint32_t size : shape) append(file, big_endian(size));
  append(file, values);
  return file;
}

inline Bytes counting(std::size_t count) {
  Bytes values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = std::byte(i * 7 + 1);
  return values;
}

inline Bytes png_chunk(const std::string& type, const Bytes& data) {
  Bytes body;
  for (const char letter : type) body.push_back(std::byte(letter));
  append(body, data);
  Bytes chunk = big_endian(static_cast<std::uint32_t>(data.size()));
  append(chunk, body);
  append(chunk,
         big_endian(static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                     static_cast<uInt>(body.size())))));
  return chunk;
}

// colour: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA. rows: each begins with its filter byte.
inline Bytes png_file(std::uint32_t width, std::uint32_t height, int depth, int colour,
                      const Bytes& rows) {
  Bytes file;
  for (const int byte : {0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10}) file.push_back(std::byte(byte));
  Bytes header = big_endian(width);
  append(header, big_endian(height));
  for (const int byte : {depth, colour, 0, 0, 0}) header.push_back(std::byte(byte));
  append(file, png_chunk("IHDR", header));
  append(file, png_chunk("IDAT", deflated(rows, 15)));
  append(file, png_chunk("IEND", {}));
  return file;
}

// An 8-bit grey PNG, all of one level.
inline Bytes grey_png(int width, int height, int level) {
  const std::size_t row = static_cast<std::size_t>(width) + 1;
  Bytes rows(row * height, std::byte(level));
  for (int y = 0; y < height; ++y) rows[y * row] = std::byte{0};
  return png_file(width, height, 8, 0, rows);
}

}  // namespace quantring
