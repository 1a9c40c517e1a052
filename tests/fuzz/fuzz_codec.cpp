// Decoding of coded tensors, their device form and unpacking, from any bytes; encoding of any
// values. Input: codec id, bits, images, tokens, dim (u8 each, or all u32 where the first byte has
// its top bit set), scale, offset (f32), then the payload; missing bytes are 0.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "engine/codec/codec.h"
#include "engine/codec/device_codec.h"
#include "ops/coding/bit_packing.h"
#include "ops/base/error.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using quantring::fuzz::Input;

// Small, for many runs a second.
constexpr std::uint64_t bound = 1 << 14;

// Most inputs have a wrong length, which would hide all that lies behind that check.
void resize_to_fit(quantring::CodedTensor& coded) {
  const std::uint64_t fitting = payload_bytes(coded.spec, coded.shape);
  if (fitting <= bound) coded.payload.resize(fitting);
}

// What a GPU is given: it checks nothing more. Comes back as it was.
void device_form_any(quantring::CodedTensor coded) {
  using namespace quantring;
  try {
    resize_to_fit(coded);
    if (std::max<std::uint64_t>(coded.payload.size(), payload_bytes(coded.spec, coded.shape)) >
        bound)
      return;
    std::vector<std::byte> form(device_form_bytes(coded.spec, coded.shape));
    to_device_form(coded, form);
    CodedTensor again;
    from_device_form(form, coded.spec, coded.shape, again);
    if (again.payload != coded.payload || again.scale != coded.scale ||
        again.offset != coded.offset)
      std::abort();
  } catch (const Error&) {
    return;
  }
}

void decode_any(Input input) {
  using namespace quantring;
  CodedTensor coded;
  const auto id = input.take<std::uint8_t>();
  coded.spec = {static_cast<CodecId>(id & 0x7F), input.take<std::uint8_t>()};
  const auto size = [&] {
    return (id & 0x80) != 0 ? input.take<std::uint32_t>() : input.take<std::uint8_t>();
  };
  coded.shape.images = size();
  coded.shape.tokens = size();
  coded.shape.dim = size();
  coded.scale = input.take<float>();
  coded.offset = input.take<float>();
  coded.payload = input.rest();
  device_form_any(coded);
  // What a frame's receiver does: room for the shape, within a bound.
  std::vector<float> values(std::min<std::uint64_t>(coded.shape.elements(), bound));
  try {
    resize_to_fit(coded);
    decode(coded, values);
  } catch (const Error&) {
    return;
  }
  // What was decoded can be coded again, and that decodes.
  CodedTensor again;
  encode(values, coded.shape, coded.spec, again);
  decode(again, values);
}

// Any values, NaN and infinities among them: what is made can be decoded, and is finite.
void encode_any(Input input) {
  using namespace quantring;
  const CodecSpec spec{static_cast<CodecId>(input.take<std::uint8_t>()),
                       input.take<std::uint8_t>()};
  const std::uint32_t dim = input.take<std::uint8_t>() + 1u;
  const std::vector<std::byte> bytes = input.rest();
  const auto tokens = static_cast<std::uint32_t>(bytes.size() / (sizeof(float) * dim));
  if (!has_ranges(spec.id) || !codec_valid(spec) || tokens == 0) return;
  const TensorShape shape{1, tokens, dim};
  std::vector<float> values(shape.elements());
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  CodedTensor coded;
  encode(values, shape, spec, coded);
  decode(coded, values);
  for (const float x : values)
    if (!std::isfinite(x)) std::abort();
}

template <typename Code>
void unpack_any(Input input) {
  const int bits = input.take<std::uint8_t>() % 18;
  const std::vector<std::byte> packed = input.rest();
  std::vector<Code> codes(bits == 0 ? 0 : packed.size() * 8 / bits);
  std::vector<std::byte> exact(
      packed.begin(),
      packed.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                           packed.size(), quantring::packed_bytes(codes.size(), bits))));
  try {
    quantring::unpack_codes(exact, bits, std::span<Code>(codes));
    std::vector<std::byte> again(exact.size());
    quantring::pack_codes(std::span<const Code>(codes), bits, again);
    std::vector<Code> same(codes.size());
    quantring::unpack_codes(again, bits, std::span<Code>(same));
    if (same != codes) std::abort();
  } catch (const quantring::Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input(data, size);
  decode_any(input);
  encode_any(input);
  unpack_any<std::uint8_t>(input);
  unpack_any<std::uint16_t>(input);
  return 0;
}
