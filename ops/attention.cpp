#include "ops/attention.h"

#include "ops/check.h"
#include "ops/cpu/attention.h"
#include "ops/error.h"

namespace quantring {
namespace {

void check_heads(std::int64_t dim, std::int64_t heads) {
  if (heads < 1 || dim % heads != 0) {
    throw Error("attention: " + std::to_string(heads) + " heads do not divide " +
                std::to_string(dim) + " channels");
  }
}

}  // namespace

std::size_t attention_scratch_bytes(const Context& context, std::int64_t, std::int64_t tokens,
                                    std::int64_t dim, std::int64_t heads) {
  check_heads(dim, heads);
  return static_cast<std::size_t>(context.threads()) *
         cpu::attention_scratch_bytes(tokens, dim, heads);
}

void attention(Context& context, ConstTensor qkv, std::int64_t heads, Buffer& scratch, Tensor out) {
  constexpr const char* op = "attention";
  if (out.shape.rank() != 3) check::fail(op, "out", out, "f32 [images, tokens, dim]");
  const std::int64_t images = out.shape[0], tokens = out.shape[1], dim = out.shape[2];
  check_heads(dim, heads);
  check::exact(op, "out", out, DType::f32, {images, tokens, dim});
  check::exact(op, "qkv", qkv, DType::f32, {images, tokens, 3 * dim});
  const std::size_t needed = attention_scratch_bytes(context, images, tokens, dim, heads);
  if (scratch.bytes() < needed) {
    check::fail(op, "scratch",
                {scratch.data(), DType::u8, {static_cast<std::int64_t>(scratch.bytes())}},
                std::to_string(needed) + " bytes");
  }
  cpu::attention(context.pool(), qkv.f32(), {images, tokens, dim, heads},
                 static_cast<float*>(scratch.data()), out.f32());
}

}  // namespace quantring
