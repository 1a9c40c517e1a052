#include "engine/codec/device_codec.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "ops/coding/coding.h"

namespace quantring {
namespace {

// Bytes of ranges in front of the codes.
std::size_t ranges_bytes(CodecSpec spec, TensorShape shape) {
  return has_ranges(spec.id) ? shape.images * sizeof(GridRange) : 0;
}

DType raw_dtype(CodecId id) {
  if (id == CodecId::pixels) return DType::u8;
  return id == CodecId::raw16 ? DType::f16 : DType::f32;
}

Shape dims_of(const ConstTensor& values, TensorShape shape) {
  if (static_cast<std::uint64_t>(values.shape.elements()) != shape.elements())
    throw std::invalid_argument("DeviceCodec: " + values.shape.text() + " is not " +
                                std::to_string(shape.elements()) + " values");
  return {shape.images, shape.tokens, shape.dim};
}

}  // namespace

std::uint64_t device_form_bytes(CodecSpec spec, TensorShape shape) {
  const bool in_header = has_ranges(spec.id) && shape.images == 1;
  return payload_bytes(spec, shape) + (in_header ? sizeof(GridRange) : 0);
}

void to_device_form(const CodedTensor& coded, std::span<std::byte> target) {
  check_coded(coded);
  const std::uint64_t bytes = device_form_bytes(coded.spec, coded.shape);
  if (target.size() != bytes)
    throw std::invalid_argument("to_device_form: room for " + std::to_string(target.size()) +
                                " bytes, not " + std::to_string(bytes));
  const std::size_t front = bytes - coded.payload.size();
  const GridRange range{coded.scale, coded.offset};
  std::memcpy(target.data(), &range, front);
  std::memcpy(target.data() + front, coded.payload.data(), coded.payload.size());
}

void from_device_form(std::span<const std::byte> source, CodecSpec spec, TensorShape shape,
                      CodedTensor& out) {
  const std::uint64_t bytes = device_form_bytes(spec, shape);
  if (source.size() != bytes)
    throw std::invalid_argument("from_device_form: " + std::to_string(source.size()) +
                                " bytes, not " + std::to_string(bytes));
  out.spec = spec;
  out.shape = shape;
  out.payload.resize(payload_bytes(spec, shape));
  const std::size_t front = bytes - out.payload.size();
  GridRange range;
  std::memcpy(&range, source.data(), front);
  out.scale = range.scale;
  out.offset = range.offset;
  std::memcpy(out.payload.data(), source.data() + front, out.payload.size());
}

DeviceCodec::DeviceCodec(Context& context, TensorShape largest)
    : context_(context),
      largest_(largest),
      scratch_(context,
               quantize_scratch_bytes(context, largest.images,
                                      static_cast<std::int64_t>(largest.elements_per_image()))) {}

void DeviceCodec::encode(ConstTensor values, TensorShape shape, CodecSpec spec, void* device_form) {
  auto* const form = static_cast<std::byte*>(device_form);
  values.shape = dims_of(values, shape);
  if (!has_ranges(spec.id)) {
    convert(context_, values, {form, raw_dtype(spec.id), values.shape});
    return;
  }
  if (shape.images > largest_.images || shape.elements_per_image() > largest_.elements_per_image())
    throw std::invalid_argument("DeviceCodec: a tensor larger than it was made for");
  quantize(context_, values, clip_of(spec.id), spec.bits, scratch_.data(),
           reinterpret_cast<GridRange*>(form), form + ranges_bytes(spec, shape));
}

void DeviceCodec::decode(const void* device_form, TensorShape shape, CodecSpec spec,
                         Tensor values) {
  const auto* const form = static_cast<const std::byte*>(device_form);
  values.shape = dims_of(values, shape);
  if (!has_ranges(spec.id)) {
    convert(context_, {form, raw_dtype(spec.id), values.shape}, values);
    return;
  }
  dequantize(context_, reinterpret_cast<const GridRange*>(form), form + ranges_bytes(spec, shape),
             spec.bits, values);
}

}  // namespace quantring
