#pragma once
// Argument checks that every op makes before a backend touches memory. A failed check is a mistake
// of the caller, so it throws std::invalid_argument; the text names op, argument, what came and
// what was due.

#include "ops/tensor.h"

namespace quantring::check {

// The argument has this dtype and exactly this shape, and data unless it is empty.
void exact(const char* op, const char* name, const ConstTensor& tensor, DType dtype,
           const Shape& shape);

// The argument is of this dtype and [..., columns], its leading dimensions taken together; returns
// their product.
std::int64_t rows(const char* op, const char* name, const ConstTensor& tensor, DType dtype,
                  std::int64_t columns);

[[noreturn]] void fail(const char* op, const char* name, const ConstTensor& tensor,
                       const std::string& expected);

}  // namespace quantring::check
