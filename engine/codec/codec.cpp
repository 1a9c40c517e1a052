#include "engine/codec/codec.h"

#include <fmt/format.h>

#include <array>

#include "engine/codec/coder.h"
#include "ops/base/error.h"

namespace quantring {

// Each is defined in the file of its codec.
const Codec& raw32_codec();
const Codec& raw16_codec();
const Codec& ptq_codec();
const Codec& pixels_codec();
const Codec& aciq_codec();
const Codec& ds_aciq_codec();
const Codec& ds_aciq_plus_codec();
const Codec& tah_codec();
const Codec& tah2_codec();
const Codec& klt_codec();

namespace {

constexpr std::array table{raw32_codec,   raw16_codec,        ptq_codec, pixels_codec, aciq_codec,
                           ds_aciq_codec, ds_aciq_plus_codec, tah_codec, tah2_codec,   klt_codec};

// Far above any tensor, far below the point where a size in bytes would overflow 64 bits.
constexpr std::uint64_t max_elements = std::uint64_t{1} << 40;

constexpr int max_width = 32;  // that people choose; klt marks some (klt_chained)

std::string shape_text(TensorShape shape) {
  return fmt::format("[{}, {}, {}]", shape.images, shape.tokens, shape.dim);
}

const Codec& codec_of(CodecSpec spec) {
  const Codec* codec = find_codec(spec.id);
  if (codec == nullptr || !codec->has_width(spec.bits))
    throw Error(
        fmt::format("codec {} with {} bits is not known to this build: install the same version "
                    "on both ends",
                    static_cast<int>(spec.id), spec.bits));
  return *codec;
}

const Codec& codec_of(CodecSpec spec, TensorShape shape) {
  const Codec& codec = codec_of(spec);
  // The product of three forged 32-bit sizes could wrap around to a plausible one.
  const std::uint64_t rows = std::uint64_t{shape.images} * shape.tokens;
  if (rows == 0 || shape.dim == 0 || shape.dim > max_elements / rows)
    throw Error(
        fmt::format("a tensor of shape {} is empty or too large to code", shape_text(shape)));
  return codec;
}

void refuse_pixels(CodecSpec spec) {
  if (spec.id == CodecId::pixels)
    throw Error("pixels are bytes: they are not coded from floats or decoded to floats");
}

}  // namespace

bool Codec::has_width(int bits) const {
  if (only_width_ != 0) return bits == only_width_;
  return (bits >= 2 && bits <= 8) || bits == 16;
}

std::string Codec::widths_text() const {
  return "2 to 8 or 16";
}

std::uint64_t Codec::body_bytes(int bits, TensorShape shape, const std::byte*) const {
  return max_body_bytes(bits, shape);
}

double Codec::expected_bits(int bits, TensorShape shape) const {
  return 8.0 * static_cast<double>(coded_header_bytes + max_body_bytes(bits, shape));
}

std::size_t Codec::scratch_bytes(const Context&, TensorShape) const {
  return 0;
}

void Codec::check_body(std::span<const std::byte> body, int bits, TensorShape shape) const {
  const std::uint64_t expected = max_body_bytes(bits, shape);
  if (body.size() != expected)
    throw Error(fmt::format("a coded tensor of {} bytes, but {} of shape {} takes {}",
                            coded_header_bytes + body.size(),
                            codec_text({id_, static_cast<std::uint8_t>(bits)}), shape_text(shape),
                            coded_header_bytes + expected));
}

const Codec* find_codec(CodecId id) {
  for (const auto codec : table)
    if (codec().id() == id) return &codec();
  return nullptr;
}

std::vector<CodecId> known_codecs() {
  std::vector<CodecId> ids;
  for (const auto codec : table) ids.push_back(codec().id());
  return ids;
}

bool codec_valid(CodecSpec spec) {
  const Codec* codec = find_codec(spec.id);
  return codec != nullptr && codec->has_width(spec.bits);
}

bool has_widths(CodecId id) {
  const Codec* codec = find_codec(id);
  return codec != nullptr && codec->only_width() == 0;
}

std::vector<int> codec_widths(CodecId id) {
  std::vector<int> widths;
  const Codec* codec = find_codec(id);
  for (int width = 1; codec != nullptr && width <= max_width; ++width) {
    if (codec->has_width(width)) widths.push_back(width);
  }
  return widths;
}

bool needs_tables(CodecId id) {
  return id == CodecId::klt;
}

CodecSpec parse_codec(std::string_view name, double bits) {
  for (const auto row : table) {
    const Codec& codec = row();
    // The residual stream is never coded as pixels.
    if (codec.name() != name || codec.id() == CodecId::pixels) continue;
    const std::vector<int> widths = codec_widths(codec.id());
    const double wanted = bits == 0 ? codec.only_width() : bits;
    for (const int width : widths) {
      if (codec.width_bits(width) == wanted) return {codec.id(), static_cast<std::uint8_t>(width)};
    }
    if (codec.only_width() != 0)
      throw Error(fmt::format("codec {} has {} bits, not {}", name, codec.only_width(), bits));
    if (bits == 0) {
      const int example = needs_tables(codec.id()) ? 1 : 6;
      throw Error(fmt::format(
          "codec {} needs a number of bits, {}: add --bits {}, or in a ring file bits = {}", name,
          codec.widths_text(), example, example));
    }
    throw Error(fmt::format("codec {} takes {} bits, not {}", name, codec.widths_text(), bits));
  }
  throw Error(fmt::format(
      "no codec is called \"{}\": use raw32, raw16, ptq, aciq, ds-aciq, ds-aciq+, tah, tah2 or klt",
      name));
}

std::string codec_name(CodecId id) {
  if (id == CodecId::packed_pixels) return "pixels-lossless";
  if (id == CodecId::jpeg) return "jpeg";
  const Codec* codec = find_codec(id);
  return codec == nullptr ? fmt::format("codec {}", static_cast<int>(id))
                          : std::string(codec->name());
}

std::string codec_text(CodecSpec spec) {
  const Codec* codec = find_codec(spec.id);
  const bool one_width = codec != nullptr && codec->only_width() == spec.bits;
  if (one_width || spec.id == CodecId::packed_pixels) return codec_name(spec.id);
  return fmt::format("{} {}", codec_name(spec.id), width_bits(spec));
}

double width_bits(CodecSpec spec) {
  const Codec* codec = find_codec(spec.id);
  return codec == nullptr ? spec.bits : codec->width_bits(spec.bits);
}

std::uint64_t max_bytes(CodecSpec spec, TensorShape shape) {
  return coded_header_bytes + codec_of(spec, shape).max_body_bytes(spec.bits, shape);
}

double expected_bits(CodecSpec spec, TensorShape shape) {
  return codec_of(spec, shape).expected_bits(spec.bits, shape);
}

std::vector<std::byte> coded_pixels(std::span<const std::byte> pixels) {
  std::vector<std::byte> coded;
  coded.reserve(coded_header_bytes + pixels.size());
  coded.resize(coded_header_bytes);
  write_coded_header({CodecId::pixels, 8}, std::span(coded).first<coded_header_bytes>());
  coded.insert(coded.end(), pixels.begin(), pixels.end());
  return coded;
}

void write_coded_header(CodecSpec spec, std::span<std::byte, coded_header_bytes> header) {
  header[0] = static_cast<std::byte>(spec.id);
  header[1] = static_cast<std::byte>(spec.bits);
  header[2] = header[3] = std::byte{0};
}

CodecSpec read_coded_header(std::span<const std::byte> coded) {
  if (coded.size() < coded_header_bytes)
    throw Error(fmt::format("a coded tensor of {} bytes: its header alone has {}", coded.size(),
                            coded_header_bytes));
  const CodecSpec spec{static_cast<CodecId>(coded[0]), static_cast<std::uint8_t>(coded[1])};
  codec_of(spec);
  if (coded[2] != std::byte{0} || coded[3] != std::byte{0})
    throw Error("a coded tensor's reserved bytes are not zero: it comes from another version");
  return spec;
}

CodecSpec check_coded(std::span<const std::byte> coded, TensorShape shape) {
  const CodecSpec spec = read_coded_header(coded);
  codec_of(spec, shape).check_body(coded.subspan(coded_header_bytes), spec.bits, shape);
  return spec;
}

void encode(std::span<const float> values, TensorShape shape, CodecSpec spec,
            std::vector<std::byte>& coded) {
  codec_of(spec, shape);
  refuse_pixels(spec);
  Context context;
  Coder(context, shape).encode(host_tensor(values, shape), spec, coded);
}

void decode(std::span<const std::byte> coded, TensorShape shape, std::span<float> values) {
  refuse_pixels(check_coded(coded, shape));
  Context context;
  Coder(context, shape).decode(coded, host_tensor(values, shape));
}

}  // namespace quantring
