#include "ops/cpu/layer_norm.h"

#include <algorithm>

#include "ops/cpu/kernels.h"
#include "ops/cpu/thread_pool.h"

namespace quantring::cpu {

void layer_norm(ThreadPool& pool, const float* x, const float* gamma, const float* beta, float eps,
                std::int64_t rows, std::int64_t dim, float* y) {
  constexpr std::int64_t block_rows = 32;
  pool.parallel_for((rows + block_rows - 1) / block_rows, [&](std::int64_t block, int) {
    const std::int64_t row = block * block_rows;
    kernels().layer_norm(x + row * dim, gamma, beta, eps, std::min(block_rows, rows - row), dim,
                         y + row * dim);
  });
}

}  // namespace quantring::cpu
