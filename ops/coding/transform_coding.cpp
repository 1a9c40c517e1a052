#include "ops/coding/transform_coding.h"

#include <stdexcept>

#include "ops/backend.h"
#include "ops/check.h"

namespace quantring {
namespace {

void check_values(const Context& context, const char* op, const ConstTensor& values,
                  const TransformCode& code) {
  const bool known = values.dtype == DType::f32 || values.dtype == context.residual_dtype();
  if (!known || values.shape.rank() < 2 || values.shape[0] < 1 ||
      values.shape.elements() != values.shape[0] * code.tokens() * code.dim)
    check::fail(op, "values", values, "f32 or the residual dtype [images, tokens, dim]");
}

[[noreturn]] void not_here() {
  throw std::logic_error("the CPU has no kernels of klt: the codec itself works there");
}

}  // namespace

std::size_t Backend::transform_scratch_bytes(const TransformCode&, std::int64_t) const {
  not_here();
}
void Backend::transform_encode(ConstTensor, const TransformCode&, void*, std::byte*) {
  not_here();
}
void Backend::transform_decode(const std::byte*, const TransformCode&, void*, Tensor) {
  not_here();
}

std::size_t transform_scratch_bytes(const Context& context, const TransformCode& code,
                                    std::int64_t images) {
  return context.backend().transform_scratch_bytes(code, images);
}

void transform_encode(Context& context, ConstTensor values, const TransformCode& code,
                      void* scratch, std::byte* body) {
  check_values(context, "transform_encode", values, code);
  context.backend().transform_encode(values, code, scratch, body);
}

void transform_decode(Context& context, const std::byte* body, const TransformCode& code,
                      void* scratch, Tensor values) {
  check_values(context, "transform_decode", values, code);
  context.backend().transform_decode(body, code, scratch, values);
}

}  // namespace quantring
