#pragma once
// Between coefficients of a transform (engine/codec/klt/klt_tables.h) and entropy-coded bytes.
//
// Quantization is entropy constrained: a magnitude is taken as the larger integer only from its
// class's threshold on, which weighs the error against the bits of both.
//
// An image's part: coefficients in the order of KltRate::coded, those that are never coded left
// out, in streams (engine/codec/klt/rans.h) of equal numbers, the last one shorter; before the
// streams the length of each but the last, u32. Symbol i of a stream is its coefficient i, so that
// a device knows the classes of all lanes. Behind them follow the digits of escaped magnitudes: of
// 2 (magnitude - klt_escape) + 1 if negative, symbols of equal shares, four bits each, the lowest
// first, and a fifth bit, the highest, if more follow; at most six. First the first digits of all
// that are escaped, then the second of those that have one, and so on.

#include <span>
#include <vector>

#include "engine/codec/klt/klt_tables.h"
#include "engine/codec/klt/rans.h"

namespace quantring {

// How coefficients are shared out to streams.
struct KltStreams {
  explicit KltStreams(const KltRate& rate);
  std::size_t count, each;  // streams; coefficients of each but the last
  int lanes;                // of each
  std::size_t begin(std::size_t stream) const { return std::min(stream * each, coded); }
  std::size_t coded;
};

// prefix [prefix, dim], patches [rows * cols, rate.components]. Appends to `part`. False: a
// magnitude is too large, or not a number.
bool code_coefficients(const KltRate& rate, const std::vector<float>& prefix,
                       const std::vector<float>& patches, std::vector<std::byte>& part);

// Any bytes decode to some coefficients. patches: room for [rows * cols, rate.components].
void decode_coefficients(const KltRate& rate, std::span<const std::byte> part,
                         std::vector<float>& prefix, std::vector<float>& patches);

}  // namespace quantring
