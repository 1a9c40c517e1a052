#pragma once
// A decoder of klt bodies as the headers in engine/codec/klt describe them, and the entropy of what
// it read: slow, and without any of their code.

#include <algorithm>
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

  // One image's part.
  std::vector<float> decode(std::span<const std::byte> part) {
    const KltShape& shape = tables_.shape;
    std::vector<std::size_t> classes;
    for (const std::uint8_t c : rate_.prefix_classes) classes.push_back(c);
    for (std::size_t p = 0; p < shape.patches(); ++p)
      for (std::size_t i = 0; i < rate_.components; ++i)
        classes.push_back(rate_.classes[tables_.bands[p] * rate_.components + i]);
    std::vector<std::size_t> coded;
    for (std::size_t i = 0; i < classes.size(); ++i)
      if (classes[i] != 255) coded.push_back(i);
    const std::size_t streams = rate_.lanes <= 32 ? 1 : static_cast<std::size_t>(rate_.lanes) / 32;
    const std::size_t each = (coded.size() + streams - 1) / streams;
    std::vector<Number> numbers(classes.size());
    std::size_t at = 4 * (streams - 1);
    for (std::size_t s = 0; s < streams; ++s) {
      std::uint32_t length = 0;
      if (s + 1 < streams) std::memcpy(&length, part.data() + 4 * s, 4);
      stream_ = s + 1 < streams ? part.subspan(at, length) : part.subspan(at);
      at += stream_.size();
      const std::size_t begin = std::min(s * each, coded.size());
      read_stream(classes, {coded.data() + begin, std::min(each, coded.size() - begin)}, numbers);
      ended_ &= stream_.empty();
    }
    const auto first_patch = static_cast<std::ptrdiff_t>(rate_.prefix_classes.size());
    std::vector<float> values;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      values.push_back(value(numbers[i], i >= rate_.prefix_classes.size()));
    return transformed({values.begin(), values.begin() + first_patch},
                       {values.begin() + first_patch, values.end()});
  }

  bool at_end() const { return ended_; }            // of every stream
  double bits() const { return bits_; }             // -log2 of the shares of all symbols
  std::size_t nonzero() const { return nonzero_; }  // coefficients
  std::size_t escaped() const { return escaped_; }

 private:
  struct Number {
    std::uint64_t magnitude = 0;
    bool negative = false;
  };

  void read_stream(const std::vector<std::size_t>& classes, std::span<const std::size_t> coded,
                   std::vector<Number>& numbers) {
    states_.clear();
    for (int lane = 0; lane < std::min(rate_.lanes, 32); ++lane) {
      const std::uint32_t low = word();
      states_.push_back(low + 65536 * word());
    }
    lane_ = 0;
    std::vector<std::size_t> escaped;
    for (const std::size_t i : coded) {
      const std::uint64_t symbol = read_symbol(classes[i]);
      numbers[i] = {(symbol + 1) / 2, symbol % 2 == 0};
      if (symbol != 0) ++nonzero_;
      if (symbol == 29) escaped.push_back(i);
    }
    escaped_ += escaped.size();
    std::vector<std::uint64_t> rest(numbers.size());
    std::vector<std::size_t> open = escaped;
    for (int digit = 0; digit < 6; ++digit) {
      std::vector<std::size_t> longer;
      for (const std::size_t i : open) {
        const std::uint64_t five = states_[lane_] % 16384 / 512;
        take(512 * five, 512);
        rest[i] += five % 16 << (4 * digit);
        if (five >= 16) longer.push_back(i);
      }
      open = longer;
    }
    for (const std::size_t i : escaped) numbers[i] = {15 + rest[i] / 2, rest[i] % 2 == 1};
  }

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

  std::uint64_t read_symbol(std::size_t c) {
    std::uint64_t begin = 0, symbol = 0;
    const std::uint32_t slot = states_[lane_] % 16384;
    while (slot >= begin + rate_.frequencies[c * 30 + symbol])
      begin += rate_.frequencies[c * 30 + symbol++];
    take(begin, rate_.frequencies[c * 30 + symbol]);
    return symbol;
  }

  float value(Number number, bool patch) const {
    if (number.magnitude == 0) return 0;
    auto size = static_cast<float>(number.magnitude);
    if (patch && number.magnitude == 1) size = rate_.points[0];
    if (patch && number.magnitude == 2) size = rate_.points[1];
    if (patch && number.magnitude > 2) size += rate_.points[2];
    return (number.negative ? -size : size) * (patch ? rate_.step : rate_.prefix_step);
  }

  // a [rows, depth] b [depth, cols] as integers: rows of a and columns of b each times a power of
  // two, which the float is divided by.
  static std::vector<float> product(const std::vector<float>& a, const std::vector<float>& b,
                                    std::size_t rows, std::size_t depth, std::size_t cols) {
    std::vector<float> result(rows * cols);
    for (std::size_t c = 0; c < cols; ++c) {
      double largest = 0, sum = 0;
      for (std::size_t k = 0; k < depth; ++k) {
        largest = std::max(largest, std::fabs(static_cast<double>(b[k * cols + c])));
        sum += std::fabs(static_cast<double>(b[k * cols + c]));
      }
      int by_column = 60;
      while (std::ldexp(largest, by_column) > 32639 ||
             std::ldexp(sum, by_column) + static_cast<double>(depth) / 2 > 262143)
        --by_column;
      for (std::size_t r = 0; r < rows; ++r) {
        int by_row = 113;  // the largest becomes at least 2^12 and below 2^13
        for (std::size_t k = 0; k < depth; ++k)
          while (std::ldexp(std::fabs(static_cast<double>(a[r * depth + k])), by_row) >= 8192)
            --by_row;
        std::int64_t total = 0;
        for (std::size_t k = 0; k < depth; ++k)
          total += std::llrint(std::ldexp(static_cast<double>(a[r * depth + k]), by_row)) *
                   std::llrint(std::ldexp(static_cast<double>(b[k * cols + c]), by_column));
        result[r * cols + c] =
            std::ldexp(static_cast<float>(static_cast<std::int32_t>(total)), -by_row - by_column);
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
  bool ended_ = true;
  double bits_ = 0;
};

}  // namespace quantring::test
