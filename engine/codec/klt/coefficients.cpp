#include "engine/codec/klt/coefficients.h"

#include <cmath>

namespace quantring {
namespace {

constexpr float max_magnitude = 1 << 20;  // steps
constexpr std::size_t escape_symbol = klt_symbols - 1;
// An escaped value follows in parts of four bits, the lowest first; the fifth bit: more follow.
constexpr std::uint32_t part_bits = 5, part_size = rans_total >> part_bits;
constexpr int max_parts = 6;

class CoefficientCoder {
 public:
  CoefficientCoder(const KltRate& rate, std::vector<RansRange>& symbols)
      : rate_(rate), symbols_(symbols) {}

  // values[i] / step in classes[i]
  void code(const float* values, const std::uint8_t* classes, std::size_t count, float step) {
    const float per_step = 1.0F / step;
    for (std::size_t i = 0; i < count; ++i) {
      if (classes[i] != klt_never_coded) code(values[i] * per_step, classes[i]);
    }
  }
  bool sound() const { return sound_; }

 private:
  void code(float value, std::size_t c) {
    const float magnitude = std::fabs(value);
    const float* const thresholds = rate_.thresholds.data() + c * (klt_escape - 1);
    std::size_t m = 0;
    while (m < klt_escape - 1 && magnitude >= thresholds[m]) ++m;
    const std::size_t negative = value < 0 ? 1 : 0;
    if (m == 0) {
      sound_ &= magnitude < max_magnitude;  // false for NaN
      return put(c, 0);
    }
    if (m == klt_escape - 1) {
      if (!(magnitude < max_magnitude)) {
        sound_ = false;
        return;
      }
      m = std::max(m, static_cast<std::size_t>(magnitude + 0.5F));
    }
    if (m < klt_escape) return put(c, 2 * m - 1 + negative);
    put(c, escape_symbol);
    std::size_t rest = 2 * (m - klt_escape) + negative;
    do {
      const std::uint32_t more = rest >= 16 ? 16 : 0;
      symbols_.push_back({(static_cast<std::uint32_t>(rest & 15) | more) * part_size, part_size});
      rest >>= 4;
    } while (rest > 0);
  }

  void put(std::size_t c, std::size_t symbol) {
    const std::size_t index = c * klt_symbols + symbol;
    symbols_.push_back({rate_.begins[index], rate_.frequencies[index]});
  }

  const KltRate& rate_;
  std::vector<RansRange>& symbols_;
  bool sound_ = true;
};

class CoefficientDecoder {
 public:
  CoefficientDecoder(const KltRate& rate, RansDecoder& decoder) : rate_(rate), decoder_(decoder) {}

  // points: what magnitudes are decoded to; null: themselves.
  void decode(const std::uint8_t* classes, std::size_t count, float step, const float* points,
              float* values) {
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = 0;
      if (classes[i] == klt_never_coded) continue;
      const std::size_t symbol = take(classes[i]);
      if (symbol == 0) continue;
      bool negative = symbol % 2 == 0;
      auto m = static_cast<float>((symbol + 1) / 2);
      if (symbol == escape_symbol) m = escaped(negative);
      if (points != nullptr) m = m <= 2 ? points[static_cast<int>(m) - 1] : m + points[2];
      values[i] = (negative ? -m : m) * step;
    }
  }

 private:
  std::size_t take(std::size_t c) {
    const std::uint16_t* const begins = rate_.begins.data() + c * klt_symbols;
    const std::uint16_t* const sizes = rate_.frequencies.data() + c * klt_symbols;
    const std::uint32_t slot = decoder_.slot();
    std::size_t symbol = 0;
    while (symbol + 1 < klt_symbols && slot >= begins[symbol + 1]) ++symbol;
    decoder_.take({begins[symbol], sizes[symbol]});
    return symbol;
  }

  float escaped(bool& negative) {
    std::uint32_t value = 0;
    for (int part = 0; part < max_parts; ++part) {
      const std::uint32_t taken = decoder_.slot() / part_size;
      decoder_.take({taken * part_size, part_size});
      value |= (taken & 15) << (4 * part);
      if (taken < 16) break;
    }
    negative = value % 2 != 0;
    return static_cast<float>(value / 2 + klt_escape);
  }

  const KltRate& rate_;
  RansDecoder& decoder_;
};

}  // namespace

bool code_coefficients(const KltTables& tables, const KltRate& rate,
                       const std::vector<float>& prefix, const std::vector<float>& patches,
                       std::vector<RansRange>& symbols) {
  symbols.clear();
  CoefficientCoder coder(rate, symbols);
  coder.code(prefix.data(), rate.prefix_classes.data(), prefix.size(), rate.prefix_step);
  const std::size_t n = rate.components;
  for (std::size_t p = 0; p < tables.bands.size() && coder.sound(); ++p)
    coder.code(patches.data() + p * n, rate.classes.data() + tables.bands[p] * n, n, rate.step);
  return coder.sound();
}

void decode_coefficients(const KltTables& tables, const KltRate& rate, RansDecoder& decoder,
                         std::vector<float>& prefix, std::vector<float>& patches) {
  const std::size_t n = rate.components;
  prefix.resize(rate.prefix_classes.size());
  patches.resize(tables.bands.size() * n);
  CoefficientDecoder coefficients(rate, decoder);
  coefficients.decode(rate.prefix_classes.data(), prefix.size(), rate.prefix_step, nullptr,
                      prefix.data());
  for (std::size_t p = 0; p < tables.bands.size(); ++p)
    coefficients.decode(rate.classes.data() + tables.bands[p] * n, n, rate.step, rate.points.data(),
                        patches.data() + p * n);
}

}  // namespace quantring
