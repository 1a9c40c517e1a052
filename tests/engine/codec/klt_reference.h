#pragma once
// A decoder of klt bodies as the headers in engine/codec/klt describe them, and the entropy of what
// it read: slow, and without any of their code.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "engine/codec/klt/klt_tables.h"

namespace quantring::test {

class KltReference {
 public:
  KltReference(const KltTables& tables, const KltRate& rate) : tables_(tables), rate_(rate) {}

  // One image's stream.
  std::vector<float> decode(std::span<const std::byte> stream) {
    stream_ = stream;
    states_.clear();
    for (int lane = 0; lane < rate_.lanes; ++lane) {
      const std::uint32_t low = word();
      states_.push_back(low + 65536 * word());
    }
    lane_ = 0;
    const KltShape& shape = tables_.shape;
    std::vector<float> prefix, patches;
    for (std::size_t t = 0; t < shape.prefix; ++t)
      for (std::size_t i = 0; i < shape.dim; ++i)
        prefix.push_back(coefficient(rate_.prefix_classes[t * shape.dim + i], rate_.prefix_step,
                                     /*points=*/false));
    for (std::size_t p = 0; p < shape.patches(); ++p)
      for (std::size_t i = 0; i < rate_.components; ++i)
        patches.push_back(coefficient(rate_.classes[tables_.bands[p] * rate_.components + i],
                                      rate_.step, /*points=*/true));
    return transformed(prefix, patches);
  }

  bool at_end() const { return stream_.empty(); }
  double bits() const { return bits_; }             // -log2 of the shares of all symbols
  std::size_t nonzero() const { return nonzero_; }  // coefficients
  std::size_t escaped() const { return escaped_; }

 private:
  std::uint32_t word() {
    if (stream_.size() < 2) return 0;
    const auto value = std::to_integer<std::uint32_t>(stream_[0]) +
                       256 * std::to_integer<std::uint32_t>(stream_[1]);
    stream_ = stream_.subspan(2);
    return value;
  }

  // Of [0, 2^14), the part [begin, begin + size) is the next symbol's.
  void take(std::uint64_t begin, std::uint64_t size) {
    bits_ -= std::log2(static_cast<double>(size) / 16384);
    std::uint32_t& state = states_[lane_];
    state = static_cast<std::uint32_t>(size * (state / 16384) + state % 16384 - begin);
    if (state < 65536) state = state * 65536 + word();
    lane_ = (lane_ + 1) % states_.size();
  }

  float coefficient(std::size_t c, float step, bool points) {
    if (c == 255) return 0;
    std::uint64_t begin = 0, symbol = 0;
    const std::uint32_t slot = states_[lane_] % 16384;
    while (slot >= begin + rate_.frequencies[c * 30 + symbol])
      begin += rate_.frequencies[c * 30 + symbol++];
    take(begin, rate_.frequencies[c * 30 + symbol]);
    if (symbol == 0) return 0;
    ++nonzero_;
    std::uint64_t magnitude = (symbol + 1) / 2;
    bool negative = symbol % 2 == 0;
    if (symbol == 29) {
      ++escaped_;
      std::uint64_t value = 0;
      for (int part = 0; part < 6; ++part) {
        const std::uint64_t five = states_[lane_] % 16384 / 512;
        take(512 * five, 512);
        value += five % 16 << (4 * part);
        if (five < 16) break;
      }
      negative = value % 2 == 1;
      magnitude = 15 + value / 2;
    }
    auto size = static_cast<float>(magnitude);
    if (points && magnitude == 1) size = rate_.points[0];
    if (points && magnitude == 2) size = rate_.points[1];
    if (points && magnitude > 2) size += rate_.points[2];
    return (negative ? -size : size) * step;
  }

  // a [rows, depth] b [depth, cols], sums from the first product on, each product rounded.
  static std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b,
                                    std::size_t rows, std::size_t depth, std::size_t cols) {
    std::vector<float> result;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) {
        float sum = 0;
        for (std::size_t k = 0; k < depth; ++k) {
          const volatile float rounded = a[r * depth + k] * b[k * cols + c];
          sum += rounded;
        }
        result.push_back(sum);
      }
    }
    return result;
  }

  std::vector<float> transformed(const std::vector<float>& prefix,
                                 const std::vector<float>& patches) const {
    const KltShape& s = tables_.shape;
    const std::size_t n = rate_.components;
    std::vector<float> halfway(patches.size()), planes(patches.size());
    for (std::size_t r = 0; r < s.rows; ++r) {
      for (std::size_t i = 0; i < s.cols * n; ++i) {
        float sum = 0;
        for (std::size_t u = 0; u < s.rows; ++u) {
          const volatile float rounded =
              tables_.dct_rows[u * s.rows + r] * patches[u * s.cols * n + i];
          sum += rounded;
        }
        halfway[r * s.cols * n + i] = sum;
      }
    }
    for (std::size_t r = 0; r < s.rows; ++r) {
      for (std::size_t c = 0; c < s.cols; ++c) {
        for (std::size_t i = 0; i < n; ++i) {
          float sum = 0;
          for (std::size_t v = 0; v < s.cols; ++v) {
            const volatile float rounded =
                tables_.dct_cols[v * s.cols + c] * halfway[(r * s.cols + v) * n + i];
            sum += rounded;
          }
          planes[(r * s.cols + c) * n + i] = sum;
        }
      }
    }
    std::vector<float> values = product(prefix, tables_.synthesis, s.prefix, s.dim, s.dim);
    const auto rest = product(planes, rate_.synthesis, s.patches(), n, s.dim);
    values.insert(values.end(), rest.begin(), rest.end());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += tables_.mean[i];
    return values;
  }

  const KltTables& tables_;
  const KltRate& rate_;
  std::span<const std::byte> stream_;
  std::vector<std::uint32_t> states_;
  std::size_t lane_ = 0, nonzero_ = 0, escaped_ = 0;
  double bits_ = 0;
};

}  // namespace quantring::test
