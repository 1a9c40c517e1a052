#include "engine/codec/klt/coefficients.h"

#include <cmath>
#include <cstring>

namespace quantring {
namespace {

constexpr float max_magnitude = 1 << 20;  // steps
constexpr std::size_t escape_symbol = klt_symbols - 1;
// A digit has four bits; the fifth: more follow.
constexpr std::uint32_t digit_bits = 5, digit_size = rans_total >> digit_bits;
constexpr int max_digits = 6;
constexpr std::size_t length_bytes = 4;

// Values that a sign and a magnitude stand for.
struct Points {
  explicit Points(const KltRate& rate) : points(rate.points) {}
  float patch(std::int32_t q, float step) const {
    const std::int32_t m = std::abs(q);
    const float size =
        m <= 2 ? points[static_cast<std::size_t>(m - 1)] : static_cast<float>(m) + points[2];
    return (q < 0 ? -size : size) * step;
  }
  std::array<float, 3> points;
};

// One stream's symbols.
class StreamCoder {
 public:
  explicit StreamCoder(const KltRate& rate) : rate_(rate) {}

  // coefficient: its place in KltRate::coded. False: it cannot be coded.
  bool code(float value, std::size_t c) {
    const float magnitude = std::fabs(value);
    const float* const thresholds = rate_.thresholds.data() + c * (klt_escape - 1);
    if (!(magnitude < max_magnitude)) return false;  // also if it is not a number
    std::size_t m = 0;
    while (m < klt_escape - 1 && magnitude >= thresholds[m]) ++m;
    const std::size_t negative = value < 0 ? 1 : 0;
    if (m == klt_escape - 1) m = std::max(m, static_cast<std::size_t>(magnitude + 0.5F));
    if (m >= klt_escape)
      escaped_.push_back(static_cast<std::uint32_t>(2 * (m - klt_escape) + negative));
    const std::size_t symbol = m >= klt_escape ? escape_symbol : m == 0 ? 0 : 2 * m - 1 + negative;
    symbols_.push_back(rate_.ranges[c * klt_symbols + symbol]);
    return true;
  }

  // Appends the stream, and is empty.
  void finish(int lanes, std::vector<std::byte>& part) {
    while (!escaped_.empty()) {
      std::size_t left = 0;
      for (const std::uint32_t rest : escaped_) {
        const std::uint32_t more = rest >= 16 ? 16 : 0;
        symbols_.push_back({((rest & 15) | more) * digit_size, digit_size});
        if (more > 0) escaped_[left++] = rest >> 4;
      }
      escaped_.resize(left);
    }
    rans_encode(symbols_, lanes, part);
    symbols_.clear();
  }

 private:
  const KltRate& rate_;
  std::vector<RansRange> symbols_;
  std::vector<std::uint32_t> escaped_;
};

// One stream's quantized coefficients.
class StreamDecoder {
 public:
  explicit StreamDecoder(const KltRate& rate) : rate_(rate) {}

  void decode(std::span<const std::byte> stream, int lanes, const std::uint8_t* classes,
              std::size_t count, std::int32_t* quantized) {
    RansDecoder decoder(stream, lanes);
    escaped_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t symbol = take(decoder, classes[i]);
      const auto m = static_cast<std::int32_t>((symbol + 1) / 2);
      quantized[i] = symbol % 2 == 0 ? -m : m;
      if (symbol == escape_symbol) {
        quantized[i] = 0;
        escaped_.push_back(i);
      }
    }
    digits_.assign(escaped_.begin(), escaped_.end());
    for (int digit = 0; digit < max_digits && !digits_.empty(); ++digit) {
      std::size_t left = 0;
      for (const std::size_t i : digits_) {
        const std::uint32_t taken = decoder.slot() / digit_size;
        decoder.take({taken * digit_size, digit_size});
        quantized[i] |= static_cast<std::int32_t>((taken & 15) << (4 * digit));
        if (taken >= 16) digits_[left++] = i;
      }
      digits_.resize(left);
    }
    for (const std::size_t i : escaped_) {
      const std::int32_t m = quantized[i] / 2 + klt_escape;
      quantized[i] = quantized[i] % 2 != 0 ? -m : m;
    }
  }

 private:
  std::size_t take(RansDecoder& decoder, std::size_t c) const {
    const RansRange* const ranges = rate_.ranges.data() + c * klt_symbols;
    const std::uint32_t slot = decoder.slot();
    std::size_t symbol = rate_.first_symbols[c * klt_slots + (slot >> klt_slot_shift)];
    while (slot - ranges[symbol].begin >= ranges[symbol].size) ++symbol;
    decoder.take(ranges[symbol]);
    return symbol;
  }

  const KltRate& rate_;
  std::vector<std::size_t> escaped_, digits_;
};

}  // namespace

KltStreams::KltStreams(const KltRate& rate)
    : count(rate.lanes > max_rans_lanes ? static_cast<std::size_t>(rate.lanes / max_rans_lanes)
                                        : 1),
      each((rate.coded.size() + count - 1) / count),
      lanes(std::min(rate.lanes, max_rans_lanes)),
      coded(rate.coded.size()) {}

bool code_coefficients(const KltRate& rate, const std::vector<float>& prefix,
                       const std::vector<float>& patches, std::vector<std::byte>& part) {
  const KltStreams streams(rate);
  const float per_step = 1.0F / rate.step, per_prefix_step = 1.0F / rate.prefix_step;
  const std::size_t lengths = part.size();
  part.resize(lengths + (streams.count - 1) * length_bytes);
  StreamCoder coder(rate);
  for (std::size_t s = 0; s < streams.count; ++s) {
    for (std::size_t i = streams.begin(s); i < streams.begin(s + 1); ++i) {
      const bool of_prefix = i < rate.coded_prefix;
      const float value = of_prefix ? prefix[rate.coded[i]] * per_prefix_step
                                    : patches[rate.coded[i] - prefix.size()] * per_step;
      if (!coder.code(value, rate.coded_classes[i])) return false;
    }
    const std::size_t begin = part.size();
    coder.finish(streams.lanes, part);
    const auto length = static_cast<std::uint32_t>(part.size() - begin);
    if (s + 1 < streams.count)
      std::memcpy(part.data() + lengths + s * length_bytes, &length, sizeof length);
  }
  return true;
}

void decode_coefficients(const KltRate& rate, std::span<const std::byte> part,
                         std::vector<float>& prefix, std::vector<float>& patches) {
  const KltStreams streams(rate);
  thread_local std::vector<std::int32_t> quantized;
  quantized.resize(rate.coded.size());
  const std::size_t lengths = (streams.count - 1) * length_bytes;
  std::span<const std::byte> rest = part.subspan(std::min(lengths, part.size()));
  StreamDecoder decoder(rate);
  for (std::size_t s = 0; s < streams.count; ++s) {
    std::uint32_t length = 0;
    if (part.size() >= lengths && s + 1 < streams.count)
      std::memcpy(&length, part.data() + s * length_bytes, sizeof length);
    const std::size_t bytes =
        s + 1 < streams.count ? std::min<std::size_t>(length, rest.size()) : rest.size();
    const std::size_t begin = streams.begin(s);
    decoder.decode(rest.first(bytes), streams.lanes, rate.coded_classes.data() + begin,
                   streams.begin(s + 1) - begin, quantized.data() + begin);
    rest = rest.subspan(bytes);
  }
  prefix.assign(rate.prefix_classes.size(), 0);
  std::fill(patches.begin(), patches.end(), 0.0F);
  const Points points(rate);
  for (std::size_t i = 0; i < rate.coded_prefix; ++i)
    prefix[rate.coded[i]] = static_cast<float>(quantized[i]) * rate.prefix_step;
  float* const first_patch = patches.data();
  for (std::size_t i = rate.coded_prefix; i < rate.coded.size(); ++i)
    if (quantized[i] != 0)
      first_patch[rate.coded[i] - prefix.size()] = points.patch(quantized[i], rate.step);
}

}  // namespace quantring
