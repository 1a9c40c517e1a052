#include "ops/cpu/matmul.h"

#include <cblas.h>

namespace quantring::cpu {
namespace {

blasint narrow(std::int64_t value) {
  return static_cast<blasint>(value);
}

}  // namespace

void matmul_transposed(std::int64_t m, std::int64_t n, std::int64_t k, float alpha, const float* a,
                       std::int64_t lda, const float* b, std::int64_t ldb, float beta, float* c,
                       std::int64_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, narrow(m), narrow(n), narrow(k), alpha, a,
              narrow(lda), b, narrow(ldb), beta, c, narrow(ldc));
}

void matmul(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
            const float* b, std::int64_t ldb, float* c, std::int64_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, narrow(m), narrow(n), narrow(k), 1.0f, a,
              narrow(lda), b, narrow(ldb), 0.0f, c, narrow(ldc));
}

}  // namespace quantring::cpu
