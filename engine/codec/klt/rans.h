#pragma once
// Entropy coding with static tables: range asymmetric numeral systems (Duda 2013), several coders
// ("lanes") interleaved in one stream, symbol i in lane i mod lanes, so that a device can decode
// that many symbols at a time.
//
// Stream: the final state of each lane u32, then the words u16 in the order in which the decoder
// takes them. Little-endian. Any bytes decode to some symbols; what is beyond the end reads as 0.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace quantring {

// A symbol is a part of [0, rans_total): its share is its probability.
struct RansRange {
  std::uint32_t begin = 0, size = 0;
};

inline constexpr int rans_bits = 14;
inline constexpr std::uint32_t rans_total = 1U << rans_bits;
inline constexpr int max_rans_lanes = 32;

// Appends the stream to `out`.
void rans_encode(std::span<const RansRange> symbols, int lanes, std::vector<std::byte>& out);

class RansDecoder {
 public:
  RansDecoder(std::span<const std::byte> stream, int lanes);

  // Where in [0, rans_total) the next symbol lies, and taking it.
  std::uint32_t slot() const { return states_[lane_] & (rans_total - 1); }
  void take(RansRange symbol) {
    std::uint32_t& state = states_[lane_];
    state = symbol.size * (state >> rans_bits) + (state & (rans_total - 1)) - symbol.begin;
    if (state < lowest_state) state = (state << 16) | next_word();
    if (++lane_ == lanes_) lane_ = 0;
  }

  // Whether the stream ended exactly with the last symbol taken.
  bool finished() const;

 private:
  friend void rans_encode(std::span<const RansRange>, int, std::vector<std::byte>&);
  static constexpr std::uint32_t lowest_state = 1U << 16;

  std::uint32_t next_word() {
    if (words_.size() < 2) return 0;
    const auto word =
        static_cast<std::uint32_t>(words_[0]) | (static_cast<std::uint32_t>(words_[1]) << 8);
    words_ = words_.subspan(2);
    return word;
  }

  std::uint32_t states_[max_rans_lanes] = {};
  int lanes_, lane_ = 0;
  std::span<const std::byte> words_;
};

}  // namespace quantring
