#pragma once
// TAH-Quant written from its formulas, one step at a time and without the engine's code: the bytes
// of a coded tensor, and the values that they stand for.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "engine/codec/codec.h"
#include "ops/half.h"

namespace quantring::test {

using Values = std::vector<float>;

// H x of Sylvester's matrix: [[H, H], [H, -H]].
inline Values hadamard(const Values& x) {
  if (x.size() == 1) return x;
  const auto middle = x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2);
  const Values a = hadamard(Values(x.begin(), middle)), b = hadamard(Values(middle, x.end()));
  Values y(x.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    y[i] = a[i] + b[i];
    y[i + a.size()] = a[i] - b[i];
  }
  return y;
}

class SlowTah {
 public:
  SlowTah(CodecSpec spec, TensorShape shape) : spec_(spec), shape_(shape) {
    for (std::size_t begin = 0; begin < shape.dim; begin += 64)
      lengths_.push_back(std::min<std::size_t>(64, shape.dim - begin));
  }

  struct Tile {
    Values values;  // as they are quantized
    bool turned = false, low = false;
    std::size_t pivot = 0;
    int bits = 0;
    std::uint16_t offset = 0, step = 0;
    std::vector<unsigned> codes;
  };

  // In tokens' order.
  std::vector<Tile> image(const Values& values) const {
    std::vector<Tile> tiles;
    for (std::size_t token = 0; token < shape_.tokens; ++token) {
      std::size_t begin = token * shape_.dim;
      for (const std::size_t length : lengths_) {
        Tile tile;
        tile.values.assign(values.begin() + static_cast<std::ptrdiff_t>(begin),
                           values.begin() + static_cast<std::ptrdiff_t>(begin + length));
        tiles.push_back(tile);
        begin += length;
      }
    }
    mark_low(tiles);
    for (Tile& tile : tiles) {
      turn(tile);
      quantize(tile);
    }
    return tiles;
  }

  std::vector<std::byte> coded(const Values& values) const {
    Bits out;
    for (const unsigned byte : {static_cast<unsigned>(spec_.id), unsigned{spec_.bits}, 0U, 0U})
      out.put(byte, 8);
    std::vector<std::vector<Tile>> images;
    for (std::size_t i = 0; i < shape_.images; ++i) {
      const auto begin =
          values.begin() + static_cast<std::ptrdiff_t>(i * shape_.elements_per_image());
      images.push_back(
          image(Values(begin, begin + static_cast<std::ptrdiff_t>(shape_.elements_per_image()))));
    }
    for (const auto& tiles : images) {
      const auto units = ranked(tiles);
      out.put(static_cast<unsigned>(std::count_if(units.begin(), units.end(),
                                                  [&](std::size_t i) { return tiles[i].low; })),
              32);
    }
    for (const auto& tiles : images) {
      for (const Tile& tile : tiles) {
        out.put(tile.offset, 16);
        out.put(tile.step, 16);
      }
    }
    for (const auto& tiles : images) {
      for (const std::size_t i : ranked(tiles)) out.put(tiles[i].low, 1);
      out.fill_byte();
    }
    for (const auto& tiles : images) {
      for (const Tile& tile : tiles) out.put(tile.turned, 1);
      out.fill_byte();
    }
    for (const auto& tiles : images) {
      for (const bool low : {true, false}) {
        for (const Tile& tile : tiles) {
          if (tile.low != low) continue;
          for (const unsigned code : tile.codes) out.put(code, tile.bits);
          out.fill_byte();
        }
      }
    }
    for (const auto& tiles : images) {
      for (const Tile& tile : tiles)
        if (tile.turned) out.put(static_cast<unsigned>(tile.pivot), 6);
      out.fill_byte();
    }
    return out.bytes;
  }

  Values decoded(const Values& values) const {
    Values back;
    for (const Tile& tile : image(values)) {
      Values part;
      for (const unsigned code : tile.codes)
        part.push_back(static_cast<float>(code) * half_to_float(tile.step) +
                       half_to_float(tile.offset));
      if (tile.turned) {
        part = scaled(hadamard(part));
        std::swap(part[0], part[tile.pivot]);
      }
      back.insert(back.end(), part.begin(), part.end());
    }
    return back;
  }

 private:
  struct Bits {
    std::vector<std::byte> bytes;
    std::size_t used = 0;
    void put(unsigned value, int count) {
      for (int bit = 0; bit < count; ++bit, ++used) {
        if (used % 8 == 0) bytes.push_back(std::byte{0});
        if ((value >> bit & 1) != 0) bytes.back() |= std::byte{1} << (used % 8);
      }
    }
    void fill_byte() { used = 8 * bytes.size(); }
  };

  bool by_tiles() const { return spec_.id == CodecId::tah2; }

  // The first tile of each unit that has a rank.
  std::vector<std::size_t> ranked(const std::vector<Tile>& tiles) const {
    std::vector<std::size_t> first;
    for (std::size_t i = 0; i < tiles.size(); ++i) {
      if (by_tiles() ? tiles[i].values.size() == 64 : i % lengths_.size() == 0) first.push_back(i);
    }
    return first;
  }

  void mark_low(std::vector<Tile>& tiles) const {
    const std::vector<std::size_t> first = ranked(tiles);
    const std::size_t each = by_tiles() ? 1 : lengths_.size();
    std::vector<long double> entropies;
    for (const std::size_t unit : first) {
      long double sum = 0, entropy = 0;
      for (std::size_t i = unit; i < unit + each; ++i)
        for (const float x : tiles[i].values) sum += std::fabs(x);
      for (std::size_t i = unit; i < unit + each; ++i) {
        for (const float x : tiles[i].values) {
          const long double p = sum > 0 ? std::fabs(x) / sum : 0;
          if (p > 0) entropy -= p * std::log(p);
        }
      }
      entropies.push_back(entropy);
    }
    std::vector<std::size_t> order(first.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t one, std::size_t other) {
      return entropies[one] < entropies[other];
    });
    order.resize(first.size() / 5);
    for (const std::size_t unit : order)
      for (std::size_t i = first[unit]; i < first[unit] + each; ++i) tiles[i].low = true;
    for (Tile& tile : tiles) tile.bits = tile.low ? spec_.bits - 1 : spec_.bits;
  }

  static Values scaled(Values x) {
    for (float& each : x) each *= static_cast<float>(1 / std::sqrt(static_cast<double>(x.size())));
    return x;
  }

  void turn(Tile& tile) const {
    const std::size_t n = tile.values.size();
    std::size_t pivot = 0;
    for (std::size_t i = 1; i < n; ++i)
      if (std::fabs(tile.values[i]) > std::fabs(tile.values[pivot])) pivot = i;
    float second = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (i != pivot) second = std::max(second, std::fabs(tile.values[i]));
    const float largest = std::fabs(tile.values[pivot]);
    const bool outlier = by_tiles() ? largest > 2 * second : largest >= 2 * second;
    tile.turned = outlier && largest > 0 && n > 1 && (n & (n - 1)) == 0;
    if (!tile.turned) return;
    tile.pivot = pivot;
    std::swap(tile.values[0], tile.values[pivot]);
    tile.values = scaled(hadamard(tile.values));
  }

  static void quantize(Tile& tile) {
    const auto [low, high] = std::minmax_element(tile.values.begin(), tile.values.end());
    const float top = static_cast<float>((1 << tile.bits) - 1);
    tile.offset = float_to_half(*low == 0 ? 0.0F : *low);
    tile.step = float_to_half((*high - *low) / top);
    for (const float x : tile.values) {
      const float step = half_to_float(tile.step);
      const float y = step > 0 ? (x - half_to_float(tile.offset)) / step : 0;
      tile.codes.push_back(static_cast<unsigned>(std::nearbyint(std::min(std::max(y, 0.0F), top))));
    }
  }

  CodecSpec spec_;
  TensorShape shape_;
  std::vector<std::size_t> lengths_;  // of a token's tiles
};

}  // namespace quantring::test
