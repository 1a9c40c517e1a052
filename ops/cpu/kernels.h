#pragma once
// The inner loops that are compiled once per instruction set (ops/cpu/isa) and picked at run time,
// so that one program runs on any CPU of its architecture and uses the wide registers where they
// are. Included by files compiled for newer CPUs than the program's baseline: nothing but plain
// types may come in here, or an inline function compiled for the newer CPU could end up in the
// whole program.

#include <cstddef>
#include <cstdint>

namespace quantring::cpu {

struct Kernels {
  const char* name;  // "avx512", "avx2", "baseline"

  // y[r, c] = activation(y[r, c] + bias[c]); row r starts at y + r * stride; bias null for none.
  // Indexed by Activation.
  void (*bias_activation[3])(float* y, std::int64_t stride, const float* bias, std::int64_t rows,
                             std::int64_t cols);

  // y[rows, dim] = (x - mean) / sqrt(var + eps) * gamma + beta; y may be x.
  void (*layer_norm)(const float* x, const float* gamma, const float* beta, float eps,
                     std::int64_t rows, std::int64_t dim, float* y);

  // x[r, :] = softmax(scale * x[r, :]) for scale > 0, in place.
  void (*softmax)(float* x, std::int64_t stride, float scale, std::int64_t rows, std::int64_t cols);

  // y[i] = a[i] + b[i]; y may be a or b.
  void (*add)(const float* a, const float* b, std::int64_t count, float* y);

  void (*halves_to_floats)(const std::uint16_t* source, float* target, std::size_t count);
  void (*floats_to_halves)(const float* source, std::uint16_t* target, std::size_t count);
};

// The fastest set that this CPU runs; chosen once.
const Kernels& kernels();

// Every set that this CPU runs, fastest first; returns how many. For tests.
inline constexpr int max_kernel_sets = 3;
int available_kernels(const Kernels* (&sets)[max_kernel_sets]);

}  // namespace quantring::cpu
