#include "roof.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "ops/cpu/kernels.h"

namespace quantring::bench {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

constexpr int chains = 12;  // independent sums, more than latency 4 times 2 units
constexpr int rounds = 200'000;

using Vector16 = float __attribute__((vector_size(16)));
#if defined(__x86_64__)
using Vector32 = float __attribute__((vector_size(32)));
using Vector64 = float __attribute__((vector_size(64)));
#endif

// Inlined into functions compiled for a CPU, so that it uses their instruction set.
template <class Vector>
inline __attribute__((always_inline)) double multiply_add() {
  Vector sums[chains] = {};
  for (int i = 0; i < chains; ++i) sums[i] += static_cast<float>(i);
  Vector factor = Vector{} + 0.999f;
  asm volatile("" : "+m"(factor));  // hides its value from the compiler
  const auto start = std::chrono::steady_clock::now();
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sums[i] = sums[i] * factor + factor;
  }
  const double seconds = seconds_since(start);
  Vector total{};
  for (int i = 0; i < chains; ++i) total += sums[i];
  asm volatile("" : : "m"(total));
  return 2.0 * (sizeof(Vector) / sizeof(float)) * chains * rounds / seconds * 1e-9;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) double run_avx512() {
  return multiply_add<Vector64>();
}
__attribute__((target("avx2,fma"))) double run_avx2() {
  return multiply_add<Vector32>();
}
#endif

double run_baseline() {
  return multiply_add<Vector16>();
}

double run_widest() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return run_avx512();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return run_avx2();
#endif
  return run_baseline();
}

}  // namespace

double peak_gflops() {
  double best = 0;
  for (int i = 0; i < 20; ++i) best = std::max(best, run_widest());
  return best;
}

double stream_gbytes() {
  const std::vector<float> a(16 << 20, 1.0f), b(16 << 20, 2.0f);
  std::vector<float> y(16 << 20);
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    cpu::kernels().add(a.data(), b.data(), static_cast<std::int64_t>(y.size()), y.data());
    best = std::max(best, 12.0 * static_cast<double>(y.size()) / seconds_since(start) * 1e-9);
  }
  return best;
}

}  // namespace quantring::bench
