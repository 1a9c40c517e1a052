// Decoding of coded tensors and unpacking, from any bytes.
// Input: codec id, bits, images, tokens, dim (u8 each, or all u32 where the first byte has its top
// bit set), scale, offset (f32), then the payload; missing bytes are 0.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "ops/bit_packing.h"
#include "engine/codec.h"
#include "ops/error.h"

namespace {

// Small, for many runs a second.
constexpr std::uint64_t bound = 1 << 14;

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  template <typename T>
  T take() {
    T value{};
    const std::size_t given = std::min(sizeof value, size_);
    if (given > 0) std::memcpy(&value, data_, given);
    data_ += given;
    size_ -= given;
    return value;
  }
  std::vector<std::byte> rest() const {
    const auto* bytes = reinterpret_cast<const std::byte*>(data_);
    return {bytes, bytes + size_};
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

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
  // What a frame's receiver does: room for the shape, within a bound.
  std::vector<float> values(std::min<std::uint64_t>(coded.shape.elements(), bound));
  try {
    // Most inputs have a wrong length, which would hide all that lies behind that check.
    const std::uint64_t fitting = payload_bytes(coded.spec, coded.shape);
    if (fitting <= bound) coded.payload.resize(fitting);
    decode(coded, values);
  } catch (const Error&) {
    return;
  }
  // What was decoded can be coded again, and that decodes.
  CodedTensor again;
  encode(values, coded.shape, coded.spec, again);
  decode(again, values);
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
  unpack_any<std::uint8_t>(input);
  unpack_any<std::uint16_t>(input);
  return 0;
}
