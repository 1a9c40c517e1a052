#pragma once
// Sums of outer products of rows, for covariances: totals += sum over r of row_r row_r'.

#include <cstdint>
#include <span>
#include <vector>

#include "ops/context.h"

namespace quantring {

class OuterProducts {
 public:
  OuterProducts(Context& context, std::int64_t dim);  // `context` must outlive this object

  // rows: [count, dim]. A few hundred rows at a time are summed in f32, these sums in double. Of
  // totals [dim, dim] only the elements on and above the diagonal are correct afterwards. The
  // result does not depend on the number of threads.
  void add(const float* rows, std::int64_t count, std::span<double> totals);

 private:
  void add_block(const float* rows, std::int64_t count, double* totals);

  Context& context_;
  std::int64_t dim_;
  std::vector<float> packed_;   // the rows, in the panels of ops/cpu/kernels.h
  std::vector<float> scratch_;  // of each worker: a part of the rows transposed, and its product
};

}  // namespace quantring
