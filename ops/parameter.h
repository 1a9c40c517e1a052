#pragma once
// A small f32 tensor of a model (norm weights, positions) in memory that ops can read.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

class Parameter {
 public:
  Parameter() = default;
  // source: f32 or f16 in host memory; copied.
  Parameter(Context& context, ConstTensor source);

  ConstTensor tensor() const { return tensor_; }  // f32, of the source's shape
  operator ConstTensor() const { return tensor_; }

 private:
  Buffer memory_;
  ConstTensor tensor_;
};

}  // namespace quantring
