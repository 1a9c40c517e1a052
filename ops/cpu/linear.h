#pragma once
#include "ops/backend.h"
#include "ops/linear.h"

namespace quantring::cpu {

class PackedLinear : public LinearWeights {
 public:
  // Packs [out, in] into the panels of ops/cpu/kernels.h, and pads the bias with zeros to whole
  // panels; f16 is converted to f32, then row o is multiplied by scale[o], if there is a scale.
  PackedLinear(ThreadPool& pool, ConstTensor weight, ConstTensor bias, ConstTensor scale);
  const float* weights() const { return weights_.get(); }
  const float* bias() const { return bias_.get(); }  // null for none

 private:
  struct Free {
    void operator()(float* memory) const;
  };
  static std::unique_ptr<float, Free> allocate(std::int64_t floats);

  std::unique_ptr<float, Free> weights_, bias_;
};

// Arguments as in ops/linear.h, already checked. rows: product of x's leading dimensions.
void linear(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer,
            Activation activation, float* y);
void linear_add(ThreadPool& pool, const float* x, std::int64_t rows, const Linear& layer, float* y);

}  // namespace quantring::cpu
