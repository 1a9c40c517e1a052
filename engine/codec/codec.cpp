#include "engine/codec/codec.h"

#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "ops/coding/bit_packing.h"
#include "ops/cpu/coding/coding.h"
#include "ops/cpu/coding/uniform_grid.h"
#include "ops/base/error.h"
#include "ops/half.h"

namespace quantring {
namespace {

struct CodecRow {
  CodecId id;
  std::string_view name;
  int only_width;  // 0: several
};

constexpr std::array<CodecRow, 7> codecs{{
    {CodecId::raw32, "raw32", 32},
    {CodecId::raw16, "raw16", 16},
    {CodecId::ptq, "ptq", 0},
    {CodecId::pixels, "pixels", 8},
    {CodecId::aciq, "aciq", 0},
    {CodecId::ds_aciq, "ds-aciq", 0},
    {CodecId::ds_aciq_plus, "ds-aciq+", 0},
}};

// Far above any tensor, far below the point where a size in bytes would overflow 64 bits.
constexpr std::uint64_t max_elements = std::uint64_t{1} << 40;

const CodecRow* find_codec(CodecId id) {
  for (const auto& row : codecs)
    if (row.id == id) return &row;
  return nullptr;
}

std::string shape_text(TensorShape shape) {
  return fmt::format("[{}, {}, {}]", shape.images, shape.tokens, shape.dim);
}

void check(CodecSpec spec, TensorShape shape) {
  if (!codec_valid(spec))
    throw Error(fmt::format("codec {} with {} bits is not known to this build",
                            static_cast<int>(spec.id), spec.bits));
  // Divided with care: the product of three forged 32-bit sizes can wrap around to a plausible one.
  const std::uint64_t rows = std::uint64_t{shape.images} * shape.tokens;
  if (rows == 0 || shape.dim == 0 || shape.dim > max_elements / rows)
    throw Error(
        fmt::format("a tensor of shape {} is empty or too large to code", shape_text(shape)));
}

// What encode and decode both demand of their caller.
void check_floats(CodecSpec spec, TensorShape shape, std::size_t values) {
  check(spec, shape);
  if (spec.id == CodecId::pixels)
    throw Error("pixels are bytes: they are not coded from floats or decoded to floats");
  if (values != shape.elements())
    throw Error(fmt::format("a tensor of shape {} has {} values, not {}", shape_text(shape),
                            shape.elements(), values));
}

void check_range(CodecSpec spec, GridRange range) {
  if (!std::isfinite(range.scale) || !std::isfinite(range.offset) || range.scale < 0.0F)
    throw Error(
        fmt::format("{} scale {} and offset {} are wrong: both must be finite, scale not negative",
                    codec_name(spec.id), range.scale, range.offset));
}

// Several images: their ranges stand in front of their codes.
constexpr std::size_t range_bytes = sizeof(GridRange);
static_assert(range_bytes == 2 * sizeof(float));

std::size_t side_bytes(TensorShape shape) {
  return shape.images == 1 ? 0 : shape.images * range_bytes;
}

void encode_grid(std::span<const float> values, CodedTensor& out) {
  const std::size_t each = out.shape.elements_per_image();
  const std::size_t side = side_bytes(out.shape);
  const std::size_t code_bytes = packed_bytes(each, out.spec.bits);
  const std::span<std::byte> payload(out.payload);
  for (std::size_t i = 0; i < out.shape.images; ++i) {
    const auto image = values.subspan(i * each, each);
    const GridRange range =
        cpu::find_range(image, out.shape.dim, clip_of(out.spec.id), out.spec.bits);
    if (side == 0) {
      out.scale = range.scale;
      out.offset = range.offset;
    } else {
      std::memcpy(payload.data() + i * range_bytes, &range, range_bytes);
    }
    cpu::quantize(image, range, out.spec.bits, payload.subspan(side + i * code_bytes, code_bytes));
  }
}

GridRange range_of(const CodedTensor& coded, std::size_t image) {
  GridRange range{.scale = coded.scale, .offset = coded.offset};
  if (side_bytes(coded.shape) != 0)
    std::memcpy(&range, coded.payload.data() + image * range_bytes, range_bytes);
  return range;
}

void decode_grid(const CodedTensor& coded, std::span<float> values) {
  const std::size_t each = coded.shape.elements_per_image();
  const std::size_t code_bytes = packed_bytes(each, coded.spec.bits);
  const auto codes = std::span<const std::byte>(coded.payload).subspan(side_bytes(coded.shape));
  for (std::size_t i = 0; i < coded.shape.images; ++i)
    cpu::dequantize(codes.subspan(i * code_bytes, code_bytes), range_of(coded, i), coded.spec.bits,
                    values.subspan(i * each, each));
}

}  // namespace

CodecSpec parse_codec(std::string_view name, int bits) {
  for (const auto& row : codecs) {
    // Pixels are what the head sends; nobody codes a residual stream so.
    if (row.name != name || row.id == CodecId::pixels) continue;
    const int width = bits == 0 ? row.only_width : bits;
    const CodecSpec spec{row.id, static_cast<std::uint8_t>(width)};
    if (width == spec.bits && codec_valid(spec)) return spec;
    if (row.only_width == 0)
      throw Error(fmt::format("codec {} takes 2 to 8 or 16 bits, not {}", name, bits));
    throw Error(fmt::format("codec {} has {} bits, not {}", name, row.only_width, bits));
  }
  throw Error(fmt::format(
      "no codec is called \"{}\": raw32, raw16, ptq, aciq, ds-aciq and ds-aciq+ are", name));
}

std::string codec_name(CodecId id) {
  const CodecRow* row = find_codec(id);
  return row == nullptr ? fmt::format("codec {}", static_cast<int>(id)) : std::string(row->name);
}

std::string codec_text(CodecSpec spec) {
  const CodecRow* row = find_codec(spec.id);
  if (row != nullptr && row->only_width == spec.bits) return codec_name(spec.id);
  return fmt::format("{} {}", codec_name(spec.id), spec.bits);
}

bool codec_valid(CodecSpec spec) {
  const CodecRow* row = find_codec(spec.id);
  if (row == nullptr) return false;
  if (row->only_width != 0) return spec.bits == row->only_width;
  return (spec.bits >= 2 && spec.bits <= 8) || spec.bits == 16;
}

std::vector<CodecId> known_codecs() {
  std::vector<CodecId> ids;
  for (const auto& row : codecs) ids.push_back(row.id);
  return ids;
}

bool has_ranges(CodecId id) {
  return id == CodecId::ptq || clip_of(id) != Clip::none;
}

Clip clip_of(CodecId id) {
  if (id == CodecId::aciq) return Clip::aciq;
  if (id == CodecId::ds_aciq) return Clip::ds_aciq;
  return id == CodecId::ds_aciq_plus ? Clip::ds_aciq_plus : Clip::none;
}

std::uint64_t payload_bytes(CodecSpec spec, TensorShape shape) {
  check(spec, shape);
  switch (spec.id) {
    case CodecId::raw32:
      return shape.elements() * sizeof(float);
    case CodecId::raw16:
      return shape.elements() * sizeof(std::uint16_t);
    case CodecId::pixels:
      return shape.elements();
    case CodecId::ptq:
    case CodecId::aciq:
    case CodecId::ds_aciq:
    case CodecId::ds_aciq_plus:
      break;
  }
  return side_bytes(shape) + shape.images * packed_bytes(shape.elements_per_image(), spec.bits);
}

void encode(std::span<const float> values, TensorShape shape, CodecSpec spec, CodedTensor& out) {
  check_floats(spec, shape, values.size());
  out.spec = spec;
  out.shape = shape;
  out.scale = out.offset = 0.0F;
  out.payload.resize(payload_bytes(spec, shape));
  if (spec.id == CodecId::raw32) {
    std::memcpy(out.payload.data(), values.data(), values.size_bytes());
  } else if (spec.id == CodecId::raw16) {
    floats_to_halves(values.data(), reinterpret_cast<std::uint16_t*>(out.payload.data()),
                     values.size());
  } else {
    encode_grid(values, out);
  }
}

void check_coded(const CodedTensor& coded) {
  const std::uint64_t expected = payload_bytes(coded.spec, coded.shape);
  if (coded.payload.size() != expected)
    throw Error(fmt::format("payload of {} bytes, but {} of shape {} takes {}",
                            coded.payload.size(), codec_text(coded.spec), shape_text(coded.shape),
                            expected));
  const bool ranges = has_ranges(coded.spec.id);
  // Written so that NaN is refused too.
  if (!(ranges && coded.shape.images == 1) && !(coded.scale == 0.0F && coded.offset == 0.0F))
    throw Error(fmt::format("scale {} and offset {} have no place in {} of shape {}", coded.scale,
                            coded.offset, codec_text(coded.spec), shape_text(coded.shape)));
  if (!ranges) return;
  for (std::size_t i = 0; i < coded.shape.images; ++i) check_range(coded.spec, range_of(coded, i));
}

void decode(const CodedTensor& coded, std::span<float> values) {
  check_floats(coded.spec, coded.shape, values.size());
  check_coded(coded);
  if (coded.spec.id == CodecId::raw32) {
    std::memcpy(values.data(), coded.payload.data(), coded.payload.size());
  } else if (coded.spec.id == CodecId::raw16) {
    halves_to_floats(reinterpret_cast<const std::uint16_t*>(coded.payload.data()), values.data(),
                     values.size());
  } else {
    decode_grid(coded, values);
  }
}

}  // namespace quantring
