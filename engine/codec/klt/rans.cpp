#include "engine/codec/klt/rans.h"

#include <algorithm>

namespace quantring {

void rans_encode(std::span<const RansRange> symbols, int lanes, std::vector<std::byte>& out) {
  std::uint32_t states[max_rans_lanes];
  std::fill_n(states, lanes, RansDecoder::lowest_state);
  std::vector<std::uint16_t> words;
  words.reserve(symbols.size() / 4);
  for (std::size_t i = symbols.size(); i-- > 0;) {
    std::uint32_t& state = states[i % static_cast<std::size_t>(lanes)];
    const RansRange symbol = symbols[i];
    // The state after this symbol must fit 32 bits.
    if (state >> (32 - rans_bits) >= symbol.size) {
      words.push_back(static_cast<std::uint16_t>(state));
      state >>= 16;
    }
    state = ((state / symbol.size) << rans_bits) + state % symbol.size + symbol.begin;
  }
  const auto put = [&out](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
  };
  out.reserve(out.size() + 4 * static_cast<std::size_t>(lanes) + 2 * words.size());
  for (int lane = 0; lane < lanes; ++lane) put(states[lane], 4);
  for (auto word = words.rbegin(); word != words.rend(); ++word) put(*word, 2);
}

RansDecoder::RansDecoder(std::span<const std::byte> stream, int lanes)
    : lanes_(lanes), words_(stream) {
  for (int lane = 0; lane < lanes; ++lane) {
    states_[lane] = next_word();
    states_[lane] |= next_word() << 16;
  }
}

bool RansDecoder::finished() const {
  return words_.empty() && std::all_of(states_, states_ + lanes_,
                                       [](std::uint32_t state) { return state == lowest_state; });
}

}  // namespace quantring
