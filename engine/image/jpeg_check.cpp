#include "engine/image/jpeg_check.h"

#include <algorithm>
#include <cstdint>

namespace quantring {
namespace {

constexpr std::uint8_t marker_prefix = 0xFF, start_of_image = 0xD8, end_of_image = 0xD9,
                       huffman_tables = 0xC4;

// Bytes behind the end read as 0, as they do in stb.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> file) : rest_(file) {}

  bool ended() const { return rest_.empty(); }
  std::uint8_t get() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_[0]);
    rest_ = rest_.subspan(1);
    return byte;
  }
  int get_length() {
    const int high = get();
    return high << 8 | get();
  }
  void skip(int count) { rest_ = rest_.subspan(std::min<std::size_t>(count, rest_.size())); }

  // The byte behind the next 0xFF, which may be repeated. 0 stands for a plain 0xFF in coded
  // pixels.
  std::uint8_t next_marker() {
    const auto prefix = std::find(rest_.begin(), rest_.end(), std::byte{marker_prefix});
    rest_ = rest_.subspan(static_cast<std::size_t>(prefix - rest_.begin()));
    std::uint8_t byte = get();
    while (byte == marker_prefix) byte = get();
    return byte;
  }

 private:
  std::span<const std::byte> rest_;
};

// One segment may hold several tables: a byte of kind and place, 16 counts, the symbols.
bool tables_fit(Bytes& bytes, int length) {
  constexpr int head = 17, lengths = 16, most_codes = 256;
  while (length > 0) {
    bytes.get();
    int codes = 0;
    for (int i = 0; i < lengths; ++i) codes += bytes.get();
    if (codes > most_codes) return false;
    bytes.skip(codes);
    length -= head + codes;
  }
  return length == 0;
}

bool stands_alone(std::uint8_t marker) {
  const bool restart = marker >= 0xD0 && marker <= 0xD7;
  return restart || marker == 0x00 || marker == start_of_image;
}

}  // namespace

bool huffman_tables_fit(std::span<const std::byte> file) {
  if (file.empty() || file[0] != std::byte{marker_prefix}) return true;
  Bytes bytes(file);
  while (!bytes.ended()) {
    const std::uint8_t marker = bytes.next_marker();
    if (marker == end_of_image) break;
    if (stands_alone(marker)) continue;
    const int length = bytes.get_length() - 2;
    if (length < 0) break;  // stb gives up here
    if (marker != huffman_tables) {
      bytes.skip(length);
    } else if (!tables_fit(bytes, length)) {
      return false;
    }
  }
  return true;
}

}  // namespace quantring
