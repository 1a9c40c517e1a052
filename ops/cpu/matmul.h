#pragma once
// Row-major single-precision matrix products on one thread, through OpenBLAS.

#include <cstdint>

namespace quantring::cpu {

// c[m, n] = alpha * a[m, k] b[n, k]^T + beta * c; lda, ldb, ldc: floats from one row to the next.
void matmul_transposed(std::int64_t m, std::int64_t n, std::int64_t k, float alpha, const float* a,
                       std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
                       std::int64_t ldc);

// c[m, n] = a[m, k] b[k, n]
void matmul(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
            const float* b, std::int64_t ldb, float* c, std::int64_t ldc);

}  // namespace quantring::cpu
