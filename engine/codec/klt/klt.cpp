#include "engine/codec/klt/klt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/codec/klt/coefficients.h"
#include "engine/codec/klt/klt_device.h"
#include "ops/base/error.h"
#include "ops/coding/bit_packing.h"
#include "ops/coding/coding.h"
#include "ops/cpu/thread_pool.h"

namespace quantring {
namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::uint32_t plain = 1U << 31;  // the part is ptq 8's

std::uint64_t plain_bytes(TensorShape shape) {
  return sizeof(GridRange) + packed_bytes(shape.elements_per_image(), 8);
}

std::uint32_t read_length(const std::byte* body, std::size_t image) {
  std::uint32_t length = 0;
  std::memcpy(&length, body + image * length_bytes, sizeof length);
  return length;
}

// Memory of one thread that codes.
struct Work {
  std::vector<float> prefix, patches, transform;
};

Work& work() {
  thread_local Work memory;
  return memory;
}

// Leaves `part` empty if the values cannot be coded.
void code_image(const KltTables& tables, const KltRate& rate, const float* values,
                std::vector<std::byte>& part) {
  Work& w = work();
  part.clear();
  if (!tables.analyse(values, rate.components, w.prefix, w.patches, w.transform) ||
      !code_coefficients(rate, w.prefix, w.patches, part))
    part.clear();
}

void decode_image(const KltTables& tables, const KltRate& rate, std::span<const std::byte> part,
                  float* values) {
  Work& w = work();
  w.patches.resize(tables.shape.patches() * rate.components);
  decode_coefficients(rate, part, w.prefix, w.patches);
  tables.synthesise(rate, w.prefix, w.patches, w.transform, values);
}

TensorShape shape_of(const Shape& shape) {
  const auto images = static_cast<std::uint32_t>(shape[0]);
  const auto dim = static_cast<std::uint32_t>(token_values(shape));
  return {images, static_cast<std::uint32_t>(shape.elements() / shape[0] / dim), dim};
}

}  // namespace

const Codec& klt_codec() {
  static const KltCodec codec;
  return codec;
}

KltCodec::KltCodec(const KltTables* tables) : Codec(CodecId::klt, "klt", 0), tables_(tables) {}

KltCodec::~KltCodec() = default;

KltCodec::KltCodec(const KltTables* tables, Context& context, std::uint32_t images)
    : KltCodec(tables) {
  if (tables != nullptr && context.asynchronous())
    device_ = std::make_unique<KltDevice>(context, *tables, images);
}

CodecSpec klt_after(CodecSpec received, CodecSpec chosen) {
  const int marked = chosen.bits + klt_chained;
  const bool chained = chosen.id == CodecId::klt && received.id == CodecId::klt &&
                       received.bits % klt_chained <= chosen.bits && klt_has_width(marked);
  return chained ? CodecSpec{CodecId::klt, static_cast<std::uint8_t>(marked)} : chosen;
}

const KltRate& KltCodec::rate(int width, TensorShape shape) const {
  const KltRate* rate = tables_ == nullptr ? nullptr : tables_->rate(width);
  if (rate == nullptr || tables_->shape.tokens() != shape.tokens || tables_->shape.dim != shape.dim)
    throw Error(
        fmt::format("{} needs what `quantring calibrate` writes beside the model, for this cut",
                    codec_text({id(), static_cast<std::uint8_t>(width)})));
  return *rate;
}

std::uint64_t KltCodec::max_body_bytes(int, TensorShape shape) const {
  return shape.images * (length_bytes + plain_bytes(shape));
}

std::uint64_t KltCodec::body_bytes(int, TensorShape shape, const std::byte* body) const {
  std::uint64_t bytes = shape.images * length_bytes;
  for (std::size_t i = 0; i < shape.images; ++i) bytes += read_length(body, i) & ~plain;
  return bytes;
}

double KltCodec::expected_bits(int width, TensorShape shape) const {
  return width_bits(width) * static_cast<double>(shape.elements()) +
         8.0 * static_cast<double>(coded_header_bytes + shape.images * length_bytes);
}

void KltCodec::encode(Context& context, ConstTensor values, int width, void*,
                      std::byte* body) const {
  const TensorShape shape = shape_of(values.shape);
  const KltRate& rate = this->rate(width, shape);
  if (device_ != nullptr) return device_->encode(values, rate, body);
  const std::size_t each = shape.elements_per_image();
  std::vector<std::vector<std::byte>> parts(shape.images);
  context.pool().parallel_for(shape.images, [&](std::int64_t i, int) {
    const auto image = static_cast<std::size_t>(i);
    code_image(*tables_, rate, values.f32() + image * each, parts[image]);
  });
  std::byte* out = body + shape.images * length_bytes;
  for (std::size_t i = 0; i < shape.images; ++i) {
    auto length = static_cast<std::uint32_t>(parts[i].size());
    if (length == 0 || length > plain_bytes(shape)) {
      GridRange range;
      const ConstTensor image{values.f32() + i * each, DType::f32, {1, shape.tokens, shape.dim}};
      quantize(context, image, Clip::none, 8, nullptr, &range, out + sizeof range);
      std::memcpy(out, &range, sizeof range);
      length = static_cast<std::uint32_t>(plain_bytes(shape)) | plain;
    } else {
      std::memcpy(out, parts[i].data(), length);
    }
    std::memcpy(body + i * length_bytes, &length, sizeof length);
    out += length & ~plain;
  }
}

void KltCodec::decode(Context& context, const std::byte* body, int width, Tensor values) const {
  const TensorShape shape = shape_of(values.shape);
  const KltRate& rate = this->rate(width, shape);
  if (device_ != nullptr) return device_->decode(body, rate, values);
  const std::size_t each = shape.elements_per_image();
  std::vector<const std::byte*> parts(shape.images);
  const std::byte* next = body + shape.images * length_bytes;
  for (std::size_t i = 0; i < shape.images; ++i) {
    parts[i] = next;
    next += read_length(body, i) & ~plain;
  }
  context.pool().parallel_for(shape.images, [&](std::int64_t i, int) {
    const auto image = static_cast<std::size_t>(i);
    const std::uint32_t length = read_length(body, image);
    if ((length & plain) == 0)
      decode_image(*tables_, rate, {parts[image], length}, values.f32() + image * each);
  });
  for (std::size_t i = 0; i < shape.images; ++i) {
    if ((read_length(body, i) & plain) == 0) continue;
    GridRange range;
    std::memcpy(&range, parts[i], sizeof range);
    dequantize(context, &range, parts[i] + sizeof range, 8,
               {values.f32() + i * each, DType::f32, {1, shape.tokens, shape.dim}});
  }
}

void KltCodec::check_body(std::span<const std::byte> body, int width, TensorShape shape) const {
  const auto refuse = [&](const std::string& what) {
    throw Error(fmt::format("a coded tensor of {}: {}",
                            codec_text({id(), static_cast<std::uint8_t>(width)}), what));
  };
  std::uint64_t bytes = shape.images * length_bytes;
  if (body.size() < bytes) refuse("its lengths are cut off");
  for (std::size_t i = 0; i < shape.images; ++i) {
    const std::uint32_t length = read_length(body.data(), i);
    const std::uint64_t part = length & ~plain;
    if ((length & plain) != 0 ? part != plain_bytes(shape) : part > plain_bytes(shape))
      refuse(fmt::format("a part of {} bytes", part));
    if (bytes + part > body.size()) refuse("it is cut off");
    if ((length & plain) != 0) {
      GridRange range;
      std::memcpy(&range, body.data() + bytes, sizeof range);
      if (!std::isfinite(range.scale) || !std::isfinite(range.offset) || range.scale < 0.0F)
        refuse(fmt::format("scale {} and offset {} are wrong", range.scale, range.offset));
    }
    bytes += part;
  }
  if (bytes != body.size()) refuse(fmt::format("{} bytes follow its end", body.size() - bytes));
}

}  // namespace quantring
