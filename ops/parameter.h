#pragma once
// A small f32 tensor of a model (norm weights, positions) in memory that ops can read.

#include "ops/context.h"
#include "ops/tensor.h"

namespace quantring {

class Parameter {
 public:
  Parameter() = default;
  // source: f32 or f16 in host memory. The CPU reads an f32 source in place, so it must
  // outlive this object; everything else is copied.
  Parameter(Context& context, ConstTensor source);

  ConstTensor tensor() const { return tensor_; }  // f32, of the source's shape
  bool copied() const { return memory_.data() != nullptr; }
  operator ConstTensor() const { return tensor_; }

 private:
  Buffer memory_;
  ConstTensor tensor_;
};

}  // namespace quantring
