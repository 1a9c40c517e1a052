// tah and tah2: TAH-Quant, versions 1 and 2 (ops/coding/tile_coding.h). The width is that of four
// fifths of the tokens or tiles; the rest have one bit less.
#include "engine/codec/codec.h"
#include "ops/coding/tile_coding.h"

namespace quantring {
namespace {

// Of rotated tiles, what a controller plans with: measured on DeiT-Tiny (docs/ACCURACY.md).
constexpr double expected_turned = 0.1;

class TahCodec final : public Codec {
 public:
  TahCodec(CodecId id, std::string_view name, TileRank rank) : Codec(id, name, 0), rank_(rank) {}

  bool has_width(int bits) const override { return bits >= 2 && bits <= 8; }
  std::string widths_text() const override { return "2 to 8"; }

  std::uint64_t max_body_bytes(int bits, TensorShape shape) const override {
    return layout(bits, shape).max_bytes();
  }
  std::uint64_t body_bytes(int bits, TensorShape shape, const std::byte* body) const override {
    return tile_body_bytes(layout(bits, shape), body);
  }
  double expected_bits(int bits, TensorShape shape) const override {
    const TileLayout tiles = layout(bits, shape);
    const std::uint64_t fixed =
        coded_header_bytes + tiles.codes() + tiles.images * tiles.code_bytes(tiles.units() / 5);
    return 8 * static_cast<double>(fixed) + expected_turned * TileLayout::pivot_bits *
                                                static_cast<double>(tiles.images * tiles.tiles());
  }
  std::size_t scratch_bytes(const Context& context, TensorShape max) const override {
    return tile_scratch_bytes(context, max.images,
                              static_cast<std::int64_t>(max.elements_per_image()));
  }
  void encode(Context& context, ConstTensor values, int bits, void* scratch,
              std::byte* body) const override {
    encode_tiles(context, values, rank_, bits, scratch, body);
  }
  void decode(Context& context, const std::byte* body, int bits, Tensor values) const override {
    decode_tiles(context, body, rank_, bits, values);
  }
  void check_body(std::span<const std::byte> body, int bits, TensorShape shape) const override {
    check_tiles(layout(bits, shape), body);
  }

 private:
  TileLayout layout(int bits, TensorShape shape) const {
    return {shape.images, shape.tokens, shape.dim, rank_, bits};
  }

  TileRank rank_;
};

}  // namespace

const Codec& tah_codec() {
  static const TahCodec codec(CodecId::tah, "tah", TileRank::tokens);
  return codec;
}

const Codec& tah2_codec() {
  static const TahCodec codec(CodecId::tah2, "tah2", TileRank::tiles);
  return codec;
}

}  // namespace quantring
