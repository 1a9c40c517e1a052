#pragma once
#include "ops/layer_norm.h"

namespace quantring::cpu {

// Arguments as in ops/layer_norm.h, already checked.
void layer_norm(ThreadPool& pool, const float* x, const float* gamma, const float* beta, float eps,
                std::int64_t rows, std::int64_t dim, float* y);

}  // namespace quantring::cpu
