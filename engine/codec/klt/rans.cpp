#include "engine/codec/klt/rans.h"

#include <algorithm>

namespace quantring {

void rans_encode(std::span<const RansRange> symbols, int lanes, std::vector<std::byte>& out) {
  std::uint32_t states[max_rans_lanes];
  std::fill_n(states, lanes, RansDecoder::lowest_state);
  // At most a word per symbol, the last one first.
  thread_local std::vector<std::uint16_t> words;
  if (words.size() < symbols.size()) words.resize(symbols.size());
  std::size_t count = 0;
  int lane = static_cast<int>(symbols.size() % static_cast<std::size_t>(lanes));
  for (std::size_t i = symbols.size(); i-- > 0;) {
    lane = (lane == 0 ? lanes : lane) - 1;
    std::uint32_t state = states[lane];
    const RansRange symbol = symbols[i];
    // The state after this symbol must fit 32 bits.
    if (state >> (32 - rans_bits) >= symbol.size) {
      words[count++] = static_cast<std::uint16_t>(state);
      state >>= 16;
    }
    const std::uint32_t times = state / symbol.size;
    states[lane] = (times << rans_bits) + state - times * symbol.size + symbol.begin;
  }
  std::size_t at = out.size();
  out.resize(at + 4 * static_cast<std::size_t>(lanes) + 2 * count);
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out[at++] = static_cast<std::byte>(value >> (8 * i));
  };
  for (lane = 0; lane < lanes; ++lane) put(states[lane], 4);
  while (count > 0) put(words[--count], 2);
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
