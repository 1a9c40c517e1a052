#pragma once
// Argument checks that every op makes before it calls a backend. A failed check is an error in the
// calling code, so it throws std::invalid_argument with op, argument, actual and expected shape.

#include "ops/linear.h"
#include "ops/tensor.h"

namespace quantring::check {

// The argument has this dtype and exactly this shape, and data unless it is empty.
void exact(const char* op, const char* name, const ConstTensor& tensor, DType dtype,
           const Shape& shape);

// The argument has this dtype and shape [..., columns]. Returns its rows: the product of the
// leading dimensions.
std::int64_t rows(const char* op, const char* name, const ConstTensor& tensor, DType dtype,
                  std::int64_t columns);

// The layer is not empty.
void layer(const char* op, const Linear& layer);

// y, the result of layer(x) for x of `rows` rows, has [rows, out] elements of f32, activations or
// the residual dtype.
void product(const char* op, const char* name, const Context& context, const ConstTensor& x,
             std::int64_t rows, const Linear& layer, const ConstTensor& y);

[[noreturn]] void fail(const char* op, const char* name, const ConstTensor& tensor,
                       const std::string& expected);

}  // namespace quantring::check
