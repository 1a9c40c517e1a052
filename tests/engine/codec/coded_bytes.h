#pragma once
// Coded tensors taken apart byte by byte, without the engine's own functions.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "engine/codec/codec.h"
#include "ops/coding/bit_packing.h"
#include "ops/coding/coding.h"

namespace quantring::test {

using Bytes = std::vector<std::byte>;

inline const CodecId quantizing_codecs[] = {CodecId::ptq, CodecId::aciq, CodecId::ds_aciq,
                                            CodecId::ds_aciq_plus};
inline const int widths[] = {2, 3, 4, 5, 6, 7, 8, 16};

// All codecs of floats at all their widths.
inline std::vector<CodecSpec> float_codecs() {
  std::vector<CodecSpec> specs{{CodecId::raw32, 32}, {CodecId::raw16, 16}};
  for (const CodecId id : quantizing_codecs)
    for (const int bits : widths) specs.push_back({id, static_cast<std::uint8_t>(bits)});
  for (const CodecId id : {CodecId::tah, CodecId::tah2})
    for (const int bits : {2, 3, 4, 8}) specs.push_back({id, static_cast<std::uint8_t>(bits)});
  return specs;
}

// Of a quantizing codec.
inline GridRange range_at(const Bytes& coded, std::size_t image) {
  GridRange range;
  std::memcpy(&range.scale, coded.data() + 4 + 8 * image, 4);
  std::memcpy(&range.offset, coded.data() + 8 + 8 * image, 4);
  return range;
}

// The codes of one image, not unpacked.
inline Bytes packed_at(const Bytes& coded, TensorShape shape, std::size_t image) {
  const std::size_t bytes =
      (shape.elements_per_image() * std::to_integer<std::size_t>(coded[1]) + 7) / 8;
  const auto begin =
      coded.begin() + static_cast<std::ptrdiff_t>(4 + 8 * shape.images + image * bytes);
  return {begin, begin + static_cast<std::ptrdiff_t>(bytes)};
}

inline std::vector<std::uint16_t> codes_at(const Bytes& coded, TensorShape shape,
                                           std::size_t image) {
  std::vector<std::uint16_t> codes(shape.elements_per_image());
  unpack_codes(packed_at(coded, shape, image), std::to_integer<int>(coded[1]), std::span(codes));
  return codes;
}

}  // namespace quantring::test
