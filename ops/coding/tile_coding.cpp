#include "ops/coding/tile_coding.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "ops/base/error.h"
#include "ops/check.h"
#include "ops/coding/coding.h"
#include "ops/coding/tile_arithmetic.h"
#include "ops/cpu/coding/tile_coding.h"
#include "ops/cpu/thread_pool.h"
#include "ops/transfer.h"

namespace quantring {
namespace {

TileLayout layout_of(const Context& context, const char* op, const ConstTensor& values,
                     TileRank rank, int bits) {
  if (bits < 2 || bits > 8)
    throw std::invalid_argument(std::string(op) + ": bits is " + std::to_string(bits) +
                                ", must be 2 to 8");
  const bool known = values.dtype == DType::f32 || values.dtype == context.residual_dtype();
  const Shape& shape = values.shape;
  if (!known || shape.rank() < 2 || shape.elements() < 1)
    check::fail(op, "values", values, "f32 or the residual dtype [images, ..., dim]");
  const auto images = static_cast<std::uint64_t>(shape[0]);
  const auto dim = static_cast<std::uint64_t>(shape[shape.rank() - 1]);
  const std::uint64_t tokens = static_cast<std::uint64_t>(shape.elements()) / images / dim;
  if (tokens * dim > std::numeric_limits<std::uint32_t>::max())
    check::fail(op, "values", values, "fewer than 2^32 values an image");
  return {images, tokens, dim, rank, bits};
}

unsigned byte_at(std::span<const std::byte> body, std::uint64_t at) {
  return std::to_integer<unsigned>(body[at]);
}

// Of `count` bits from byte `at` on; throws for one set behind them.
std::uint64_t count_bits(std::span<const std::byte> body, std::uint64_t at, std::uint64_t count) {
  std::uint64_t set = 0;
  for (std::uint64_t i = 0; i < packed_bytes(count, 1); ++i)
    set += static_cast<unsigned>(std::popcount(byte_at(body, at + i)));
  if (count % 8 != 0 && byte_at(body, at + count / 8) >> (count % 8) != 0)
    throw Error("tiles: a flag behind the last one");
  return set;
}

bool bit_at(std::span<const std::byte> body, std::uint64_t at, std::uint64_t bit) {
  return (byte_at(body, at + bit / 8) >> (bit % 8) & 1u) != 0;
}

std::uint32_t low_at(const std::byte* body, std::uint64_t image) {
  std::uint32_t low = 0;
  std::memcpy(&low, body + image * sizeof low, sizeof low);
  return low;
}

void check_grids(const TileLayout& layout, std::span<const std::byte> body) {
  for (std::uint64_t i = 0; i < layout.images * layout.tiles(); ++i) {
    coding::TileGrid grid;
    std::memcpy(&grid, body.data() + layout.grids() + i * sizeof grid, sizeof grid);
    const float offset = half_to_float(grid.offset), step = half_to_float(grid.step);
    if (!std::isfinite(offset) || !std::isfinite(step) || step < 0.0F)
      throw Error("tiles: an offset or a step is wrong: both must be finite, a step not negative");
  }
}

// Of one image: that only tiles are rotated which can be, and that the pivots are within them.
void check_turned(const TileLayout& layout, std::span<const std::byte> body, std::uint64_t turned,
                  std::uint64_t pivots) {
  const std::uint64_t each = layout.tiles_per_token(), rest = layout.dim % TileLayout::tile;
  if (rest == 0) return;  // 6 bits are within 64 values
  std::uint64_t pivot_bit = 0;
  for (std::uint64_t number = 0; number < layout.tiles(); ++number) {
    if (!bit_at(body, turned, number)) continue;
    std::uint64_t pivot = 0;
    for (int bit = 0; bit < TileLayout::pivot_bits; ++bit)
      pivot |= std::uint64_t{bit_at(body, pivots, pivot_bit++)} << bit;
    const std::uint64_t length = layout.tile_values(number % each);
    if (!coding::tile_may_turn(length) || pivot >= length)
      throw Error("tiles: a tile is rotated that cannot be");
  }
}

}  // namespace

std::size_t tile_scratch_bytes(const Context& context, std::int64_t images, std::int64_t each) {
  const auto values = static_cast<std::size_t>(each);
  if (context.asynchronous()) return static_cast<std::size_t>(images) * values * sizeof(float);
  // A key for each unit, which is at least one value.
  return static_cast<std::size_t>(context.threads()) * values * sizeof(std::uint64_t);
}

void encode_tiles(Context& context, ConstTensor values, TileRank rank, int bits, void* scratch,
                  std::byte* body) {
  const TileLayout layout = layout_of(context, "encode_tiles", values, rank, bits);
  if (!context.asynchronous()) {
    return cpu::encode_tiles(context.pool(), layout, values.f32(),
                             static_cast<std::uint64_t*>(scratch), body);
  }
  const Tensor widened{scratch, DType::f32, values.shape};
  convert(context, values, widened);
  std::vector<float> host(static_cast<std::size_t>(values.shape.elements()));
  download(context, scratch, std::as_writable_bytes(std::span(host)));
  std::vector<std::uint64_t> keys(layout.units());
  std::vector<std::byte> coded(layout.max_bytes());
  ThreadPool caller(1);
  cpu::encode_tiles(caller, layout, host.data(), keys.data(), coded.data());
  upload(context, std::span(coded).first(tile_body_bytes(layout, coded.data())), body);
}

void decode_tiles(Context& context, const std::byte* body, TileRank rank, int bits, Tensor values) {
  const TileLayout layout = layout_of(context, "decode_tiles", values, rank, bits);
  if (!context.asynchronous()) return cpu::decode_tiles(context.pool(), layout, body, values.f32());
  std::vector<std::byte> coded(layout.max_bytes());
  download(context, body, coded);
  std::vector<float> host(static_cast<std::size_t>(values.shape.elements()));
  ThreadPool caller(1);
  cpu::decode_tiles(caller, layout, coded.data(), host.data());
  Buffer widened(context, host.size() * sizeof(float));
  upload(context, std::as_bytes(std::span(host)), widened.data());
  convert(context, {widened.data(), DType::f32, values.shape}, values);
  // The buffer is in use until here.
  download(context, widened.data(), std::as_writable_bytes(std::span(host).first(1)));
}

std::uint64_t tile_body_bytes(const TileLayout& layout, const std::byte* body) {
  std::uint64_t at = layout.codes();
  for (std::uint64_t image = 0; image < layout.images; ++image) {
    at += layout.code_bytes(low_at(body, image));
    std::uint64_t turned = 0;
    for (std::uint64_t i = 0; i < layout.turned_bytes(); ++i)
      turned += static_cast<unsigned>(std::popcount(
          std::to_integer<unsigned>(body[layout.turned() + image * layout.turned_bytes() + i])));
    at += packed_bytes(turned, TileLayout::pivot_bits);
  }
  return at;
}

void check_tiles(const TileLayout& layout, std::span<const std::byte> body) {
  const auto wrong_length = [] {
    return Error("tiles: the length is not that of its flags and codes");
  };
  if (body.size() < layout.codes()) throw wrong_length();
  for (std::uint64_t image = 0; image < layout.images; ++image) {
    const std::uint64_t low =
        count_bits(body, layout.flags() + image * layout.flag_bytes(), layout.units());
    if (low != low_at(body.data(), image)) throw Error("tiles: flags and their number differ");
    count_bits(body, layout.turned() + image * layout.turned_bytes(), layout.tiles());
  }
  if (body.size() != tile_body_bytes(layout, body.data())) throw wrong_length();
  check_grids(layout, body);
  std::uint64_t pivots = layout.codes();
  for (std::uint64_t image = 0; image < layout.images; ++image)
    pivots += layout.code_bytes(low_at(body.data(), image));
  for (std::uint64_t image = 0; image < layout.images; ++image) {
    const std::uint64_t turned = layout.turned() + image * layout.turned_bytes();
    check_turned(layout, body, turned, pivots);
    pivots += packed_bytes(count_bits(body, turned, layout.tiles()), TileLayout::pivot_bits);
  }
}

}  // namespace quantring
