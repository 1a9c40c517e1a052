// The entropy coder: what comes back, how long the stream is, and what any bytes decode to.
#include <cmath>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "engine/codec/klt/rans.h"

namespace quantring {
namespace {

struct Alphabet {
  std::vector<RansRange> ranges;
  // Shares that fall by half again and again, the last of size 1.
  explicit Alphabet(std::size_t count) {
    std::uint32_t begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto left = static_cast<std::uint32_t>(count - 1 - i);
      const std::uint32_t size =
          left == 0 ? rans_total - begin : std::max(1U, (rans_total - begin - left) / 2);
      ranges.push_back({begin, size});
      begin += size;
    }
  }
  std::size_t at(std::uint32_t slot) const {
    std::size_t i = 0;
    while (slot >= ranges[i].begin + ranges[i].size) ++i;
    return i;
  }
};

// As likely as their shares.
std::vector<std::size_t> draw(const Alphabet& alphabet, std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::size_t> drawn(count);
  for (auto& symbol : drawn) symbol = alphabet.at(random() % rans_total);
  return drawn;
}

std::vector<std::byte> coded(const Alphabet& alphabet, const std::vector<std::size_t>& drawn,
                             int lanes) {
  std::vector<RansRange> symbols;
  for (const std::size_t symbol : drawn) symbols.push_back(alphabet.ranges[symbol]);
  std::vector<std::byte> stream;
  rans_encode(symbols, lanes, stream);
  return stream;
}

TEST_CASE("symbols come back, whatever the lanes") {
  for (int lanes = 1; lanes <= max_rans_lanes; ++lanes) {
    for (const std::size_t kinds : {1U, 2U, 30U, 300U}) {
      const Alphabet alphabet(kinds);
      for (const std::size_t count : {0U, 1U, 31U, 32U, 33U, 5000U}) {
        CAPTURE(lanes);
        CAPTURE(kinds);
        CAPTURE(count);
        const auto drawn = draw(alphabet, count, static_cast<unsigned>(count));
        const auto stream = coded(alphabet, drawn, lanes);
        RansDecoder decoder(stream, lanes);
        std::vector<std::size_t> back;
        for (std::size_t i = 0; i < count; ++i) {
          back.push_back(alphabet.at(decoder.slot()));
          decoder.take(alphabet.ranges[back.back()]);
        }
        CHECK(back == drawn);
        CHECK(decoder.finished());
      }
    }
  }
}

TEST_CASE("the least likely symbols alone come back") {
  const Alphabet alphabet(300);
  const std::vector<std::size_t> drawn(3000, 299);
  const auto stream = coded(alphabet, drawn, 3);
  RansDecoder decoder(stream, 3);
  for (const std::size_t symbol : drawn) {
    REQUIRE(alphabet.at(decoder.slot()) == symbol);
    decoder.take(alphabet.ranges[symbol]);
  }
  CHECK(decoder.finished());
}

TEST_CASE("a stream is as long as the entropy of its symbols") {
  for (const int lanes : {1, 4, 32}) {
    for (const std::size_t kinds : {2U, 30U}) {
      const Alphabet alphabet(kinds);
      const auto drawn = draw(alphabet, 200'000, 7);
      double bits = 0;
      for (const std::size_t symbol : drawn)
        bits -= std::log2(static_cast<double>(alphabet.ranges[symbol].size) / rans_total);
      const auto bytes = static_cast<double>(coded(alphabet, drawn, lanes).size());
      CAPTURE(lanes);
      CHECK(bytes >= bits / 8);
      CHECK(bytes <= 1.01 * bits / 8 + 4.0 * lanes);
    }
  }
}

TEST_CASE("a stream that is changed, cut or longer is not finished") {
  const Alphabet alphabet(30);
  const auto drawn = draw(alphabet, 1000, 3);
  const auto finished = [&](const std::vector<std::byte>& stream) {
    RansDecoder decoder(stream, 4);
    for (std::size_t i = 0; i < drawn.size(); ++i)
      decoder.take(alphabet.ranges[alphabet.at(decoder.slot())]);
    return decoder.finished();
  };
  const auto stream = coded(alphabet, drawn, 4);
  CHECK(finished(stream));
  auto longer = stream;
  longer.push_back(std::byte{0});
  CHECK_FALSE(finished(longer));
  CHECK_FALSE(finished({stream.begin(), stream.end() - 2}));
  for (std::size_t i = 0; i < stream.size(); i += 7) {
    auto changed = stream;
    changed[i] ^= std::byte{1};
    CHECK_FALSE(finished(changed));
  }
}

TEST_CASE("any bytes decode to some symbols") {
  const Alphabet alphabet(30);
  std::mt19937 random(5);
  for (int run = 0; run < 300; ++run) {
    std::vector<std::byte> bytes(random() % 64);
    for (auto& byte : bytes) byte = static_cast<std::byte>(run % 3 == 0 ? 0xff : random());
    const int lanes = 1 + run % max_rans_lanes;
    RansDecoder decoder(bytes, lanes);
    for (int i = 0; i < 500; ++i) {
      const std::uint32_t slot = decoder.slot();
      REQUIRE(slot < rans_total);
      decoder.take(alphabet.ranges[alphabet.at(slot)]);
    }
  }
}

}  // namespace
}  // namespace quantring
