#include "ops/attention.h"

#include "ops/backend.h"
#include "ops/base/error.h"
#include "ops/check.h"

namespace quantring {
namespace {

void check_heads(const char* op, std::int64_t dim, std::int64_t heads) {
  if (heads < 1 || dim % heads != 0) {
    throw Error(std::string(op) + ": " + std::to_string(heads) + " heads do not divide " +
                std::to_string(dim) + " channels");
  }
}

}  // namespace

std::size_t attention_scratch_bytes(const Context& context, std::int64_t images,
                                    std::int64_t tokens, std::int64_t dim, std::int64_t heads) {
  check_heads("attention", dim, heads);
  return context.backend().attention_scratch_bytes({images, tokens, dim, heads});
}

void qk_norm(Context& context, Tensor qkv, std::int64_t heads, ConstTensor q_gamma,
             ConstTensor q_beta, ConstTensor k_gamma, ConstTensor k_beta, float eps) {
  constexpr const char* op = "qk_norm";
  const int rank = qkv.shape.rank();
  if (rank == 0 || qkv.shape[rank - 1] < 1 || qkv.shape[rank - 1] % 3 != 0) {
    check::fail(op, "qkv", qkv, "f32 [..., 3 * dim]");
  }
  const std::int64_t dim = qkv.shape[rank - 1] / 3;
  const std::int64_t rows = check::rows(op, "qkv", qkv, context.activation_dtype(), 3 * dim);
  check_heads(op, dim, heads);
  const Shape of_head{dim / heads};
  check::exact(op, "q_gamma", q_gamma, DType::f32, of_head);
  check::exact(op, "q_beta", q_beta, DType::f32, of_head);
  check::exact(op, "k_gamma", k_gamma, DType::f32, of_head);
  check::exact(op, "k_beta", k_beta, DType::f32, of_head);
  context.backend().qk_norm(qkv, rows, dim, heads, {q_gamma.f32(), q_beta.f32()},
                            {k_gamma.f32(), k_beta.f32()}, eps);
}

void attention(Context& context, ConstTensor qkv, std::int64_t heads, Buffer& scratch, Tensor out) {
  constexpr const char* op = "attention";
  if (out.shape.rank() != 3) check::fail(op, "out", out, "f32 [images, tokens, dim]");
  const std::int64_t images = out.shape[0], tokens = out.shape[1], dim = out.shape[2];
  check_heads(op, dim, heads);
  check::exact(op, "out", out, context.activation_dtype(), {images, tokens, dim});
  check::exact(op, "qkv", qkv, context.activation_dtype(), {images, tokens, 3 * dim});
  const std::size_t needed = attention_scratch_bytes(context, images, tokens, dim, heads);
  if (scratch.bytes() < needed) {
    check::fail(op, "scratch",
                {scratch.data(), DType::u8, {static_cast<std::int64_t>(scratch.bytes())}},
                std::to_string(needed) + " bytes");
  }
  context.backend().attention(qkv, {images, tokens, dim, heads}, scratch.data(), out);
}

}  // namespace quantring
