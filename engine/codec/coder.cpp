#include "engine/codec/coder.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "ops/base/error.h"
#include "ops/transfer.h"

namespace quantring {
namespace {

std::size_t max_scratch_bytes(const Context& context, TensorShape max) {
  std::size_t bytes = 0;
  for (const CodecId id : known_codecs())
    bytes = std::max(bytes, find_codec(id)->scratch_bytes(context, max));
  return bytes;
}

}  // namespace

TensorShape tensor_shape(const Shape& shape) {
  const int rank = shape.rank();
  if (rank < 2) throw std::invalid_argument("Coder: a tensor of shape " + shape.text());
  const std::int64_t images = shape[0], dim = shape[rank - 1];
  std::int64_t tokens = 1;
  for (int i = 1; i + 1 < rank; ++i) tokens *= shape[i];
  return {static_cast<std::uint32_t>(images), static_cast<std::uint32_t>(tokens),
          static_cast<std::uint32_t>(dim)};
}

ConstTensor host_tensor(std::span<const float> values, TensorShape shape) {
  if (values.size() != shape.elements())
    throw Error(fmt::format("a tensor of shape [{}, {}, {}] has {} values, not {}", shape.images,
                            shape.tokens, shape.dim, shape.elements(), values.size()));
  return {values.data(), DType::f32, {shape.images, shape.tokens, shape.dim}};
}

Tensor host_tensor(std::span<float> values, TensorShape shape) {
  host_tensor(std::span<const float>(values), shape);  // checks
  return {values.data(), DType::f32, {shape.images, shape.tokens, shape.dim}};
}

std::uint64_t max_body_bytes(TensorShape shape) {
  std::uint64_t bytes = 0;
  for (const CodecId id : known_codecs()) {
    for (const int width : codec_widths(id))
      bytes = std::max(bytes, find_codec(id)->max_body_bytes(width, shape));
  }
  return bytes;
}

Coder::Coder(Context& context, TensorShape max, CoderTables tables)
    : context_(context),
      max_(max),
      klt_sent_(tables.sent, context, max.images),
      klt_received_(tables.received, context, max.images),
      scratch_(context, max_scratch_bytes(context, max)) {}

const Codec& Coder::sender(CodecId id) const {
  return id == CodecId::klt ? klt_sent_ : *find_codec(id);
}

const Codec& Coder::receiver(CodecId id) const {
  return id == CodecId::klt ? klt_received_ : *find_codec(id);
}

void Coder::check_shape(const ConstTensor& values) const {
  const TensorShape shape = tensor_shape(values.shape);
  if (shape.images > max_.images || shape.elements_per_image() > max_.elements_per_image())
    throw std::invalid_argument("Coder: " + values.shape.text() + " is larger than the maximum");
}

std::byte* Coder::device_body() {
  if (body_.data() == nullptr) body_ = Buffer(context_, max_body_bytes(max_));
  return static_cast<std::byte*>(body_.data());
}

void Coder::encode(ConstTensor values, CodecSpec spec, std::vector<std::byte>& coded) {
  const TensorShape shape = tensor_shape(values.shape);
  coded.resize(max_bytes(spec, shape));
  write_coded_header(spec, std::span(coded).first<coded_header_bytes>());
  const auto body = std::span(coded).subspan(coded_header_bytes);
  if (context_.asynchronous()) {
    encode_body(values, spec, device_body());
    download(context_, body_.data(), body);
  } else {
    encode_body(values, spec, body.data());
  }
  coded.resize(coded_header_bytes + find_codec(spec.id)->body_bytes(spec.bits, shape, body.data()));
}

CodecSpec Coder::decode(std::span<const std::byte> coded, Tensor values) {
  const CodecSpec spec = check_coded(coded, tensor_shape(values.shape));
  const auto body = coded.subspan(coded_header_bytes);
  if (context_.asynchronous()) {
    check_shape(values);
    upload(context_, body, device_body());
    decode_body(device_body(), spec, values);
  } else {
    if (reinterpret_cast<std::uintptr_t>(body.data()) % alignof(float) != 0)
      throw std::invalid_argument("Coder::decode: the bytes are not aligned to 4");
    decode_body(body.data(), spec, values);
  }
  return spec;
}

void Coder::encode_body(ConstTensor values, CodecSpec spec, std::byte* body) {
  check_shape(values);
  sender(spec.id).encode(context_, values, spec.bits, scratch_.data(), body);
}

void Coder::decode_body(const std::byte* body, CodecSpec spec, Tensor values) {
  receiver(spec.id).decode(context_, body, spec.bits, values);
}

}  // namespace quantring
