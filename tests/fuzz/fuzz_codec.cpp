// Coded tensors and unpacking from any bytes; encoding of any values. Input: images, tokens, dim
// (u8 each, or u32 where the first byte, a selector, has its top bit set), then the coded tensor.
// Of klt with its tables: width, image lengths of a body and the body; any values.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/codec/coder.h"
#include "ops/base/error.h"
#include "ops/coding/bit_packing.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/klt_tables.h"

namespace {

using namespace quantring;
using quantring::fuzz::Input;

// Small, for many runs a second.
constexpr std::uint64_t bound = 1 << 14;

bool is_finite(float value) {
  return std::isfinite(value);
}

// What was decoded can be coded again, and that decodes to finite values where the codec promises
// them.
void code_again(const std::vector<float>& values, TensorShape shape, CodecSpec spec) {
  std::vector<std::byte> coded;
  encode(values, shape, spec, coded);
  if (coded.size() > max_bytes(spec, shape)) std::abort();
  if (check_coded(coded, shape) != spec) std::abort();
  std::vector<float> back(values.size());
  decode(coded, shape, back);
  if (has_widths(spec.id) && !std::all_of(back.begin(), back.end(), is_finite)) std::abort();
}

void decode_any(Input input) {
  const auto selector = input.take<std::uint8_t>();
  const auto size = [&] {
    return (selector & 0x80) != 0 ? input.take<std::uint32_t>() : input.take<std::uint8_t>();
  };
  TensorShape shape;
  shape.images = size();
  shape.tokens = size();
  shape.dim = size();
  std::vector<std::byte> coded = input.rest();
  std::vector<float> values(std::min<std::uint64_t>(shape.elements(), bound));
  try {
    // Most inputs have a wrong length, which would hide all checks behind that one.
    if ((selector & 1) != 0) {
      const std::uint64_t fitting =
          max_bytes(read_coded_header(coded), shape) - (selector >> 1 & 0x3f);
      if (fitting <= bound) coded.resize(fitting);
    }
    const CodecSpec spec = check_coded(coded, shape);
    if (coded.size() > max_bytes(spec, shape)) std::abort();
    decode(coded, shape, values);
    code_again(values, shape, spec);
  } catch (const Error&) {
    return;
  }
}

// Any values, NaN and infinities among them.
void encode_any(Input input) {
  const CodecSpec spec{static_cast<CodecId>(input.take<std::uint8_t>()),
                       input.take<std::uint8_t>()};
  const std::uint32_t images = input.take<std::uint8_t>() % 4 + 1u;
  const std::uint32_t dim = input.take<std::uint8_t>() + 1u;
  const std::vector<std::byte> bytes = input.rest();
  const auto tokens = static_cast<std::uint32_t>(bytes.size() / (sizeof(float) * dim * images));
  if (!codec_valid(spec) || spec.id == CodecId::pixels || needs_tables(spec.id) || tokens == 0)
    return;
  const TensorShape shape{images, tokens, dim};
  std::vector<float> values(shape.elements());
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  code_again(values, shape, spec);
}

constexpr std::uint32_t klt_images = 2;

struct Klt {
  KltTables tables;
  TensorShape shape;
  Context context;
  Coder coder;
  explicit Klt(const KltShape& grid)
      : tables(test::klt_tables(grid)),
        shape{klt_images, static_cast<std::uint32_t>(grid.tokens()),
              static_cast<std::uint32_t>(grid.dim)},
        coder(context, shape, {&tables, &tables}) {}
};

Klt& klt_of(std::uint8_t selector) {
  static Klt first({1, 2, 3, 9}), second({0, 3, 1, 5});
  return selector % 2 == 0 ? first : second;
}

CodecSpec klt_spec(std::uint8_t selector) {
  const int width = klt_widths[selector / 2 % klt_widths.size()];
  const bool chained = (selector & 0x20) != 0 && klt_has_width(width + klt_chained);
  return {CodecId::klt, static_cast<std::uint8_t>(width + (chained ? klt_chained : 0))};
}

// Coding is finite and bounded, and gives the same values each time.
void klt_again(Klt& klt, const std::vector<float>& values, CodecSpec spec) {
  std::vector<std::byte> coded;
  klt.coder.encode(host_tensor(values, klt.shape), spec, coded);
  if (coded.size() > max_bytes({CodecId::ptq, 8}, klt.shape) + 4 * klt_images) std::abort();
  if (check_coded(coded, klt.shape) != spec) std::abort();
  std::vector<float> back(values.size()), same(values.size());
  klt.coder.decode(coded, host_tensor(std::span(back), klt.shape));
  if (!std::all_of(back.begin(), back.end(), is_finite)) std::abort();
  klt.coder.decode(coded, host_tensor(std::span(same), klt.shape));
  if (back != same) std::abort();
}

void decode_klt(Input input) {
  const auto selector = input.take<std::uint8_t>();
  Klt& klt = klt_of(selector);
  const CodecSpec spec = klt_spec(selector);
  // The lengths fit in most inputs: the second part is what remains.
  const auto first = input.take<std::uint16_t>();
  const std::vector<std::byte> parts = input.rest();
  std::uint32_t lengths[klt_images] = {first, 0};
  if ((selector & 0x80) == 0) lengths[0] = static_cast<std::uint32_t>(first % (parts.size() + 1));
  lengths[1] = static_cast<std::uint32_t>(parts.size()) - lengths[0];
  if ((selector & 0x40) != 0) lengths[first % klt_images] ^= 1U << 31;
  std::vector<std::byte> coded(coded_header_bytes + sizeof lengths);
  write_coded_header(spec, std::span(coded).first<coded_header_bytes>());
  std::memcpy(coded.data() + coded_header_bytes, lengths, sizeof lengths);
  coded.insert(coded.end(), parts.begin(), parts.end());
  std::vector<float> values(klt.shape.elements());
  try {
    check_coded(coded, klt.shape);
    klt.coder.decode(coded, host_tensor(std::span(values), klt.shape));
  } catch (const Error&) {
    return;
  }
  klt_again(klt, values, spec);
}

void encode_klt(Input input) {
  const auto selector = input.take<std::uint8_t>();
  Klt& klt = klt_of(selector);
  // Around the means, or any at all.
  std::vector<float> values(klt.shape.elements());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = (selector & 0x80) != 0 ? input.take<float>()
                                       : klt.tables.mean[i % klt.tables.mean.size()] +
                                             0.25F * input.take<std::int8_t>();
  klt_again(klt, values, klt_spec(selector));
}

template <typename Code>
void unpack_any(Input input) {
  const int bits = input.take<std::uint8_t>() % 18;
  const std::vector<std::byte> packed = input.rest();
  std::vector<Code> codes(bits == 0 ? 0 : packed.size() * 8 / bits);
  std::vector<std::byte> exact(
      packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                           packed.size(), packed_bytes(codes.size(), bits))));
  try {
    unpack_codes(exact, bits, std::span<Code>(codes));
    std::vector<std::byte> again(exact.size());
    pack_codes(std::span<const Code>(codes), bits, again);
    std::vector<Code> same(codes.size());
    unpack_codes(again, bits, std::span<Code>(same));
    if (same != codes) std::abort();
  } catch (const Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input(data, size);
  decode_any(input);
  encode_any(input);
  decode_klt(input);
  encode_klt(input);
  unpack_any<std::uint8_t>(input);
  unpack_any<std::uint16_t>(input);
  return 0;
}
