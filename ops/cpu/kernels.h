#pragma once
// The inner loops, compiled once per instruction set (ops/cpu/isa) and selected at run time, so
// that one program runs on any CPU of its architecture and uses wide registers if available.
// Included by files compiled for newer CPUs than the program's baseline: declare plain types only
// here, or an inline function compiled for the newer CPU could be linked into the whole program.

#include <cstddef>
#include <cstdint>

namespace quantring::cpu {

// c[rows, cols] = activation((add ? c : 0) + bias + a[rows, depth] b[depth, cols])
struct Product {
  std::int64_t rows, cols, depth;
  const float* a;
  std::int64_t a_stride;  // floats from one row to the next
  const float* b;         // packed; a range of columns starts on a panel
  const float* bias;      // [cols rounded up to whole panels], or null
  float* c;
  std::int64_t c_stride;
  bool add;
  int activation;  // an Activation
};

struct Kernels {
  const char* name;  // "avx512", "avx2", "baseline"

  std::int64_t lanes;  // floats in one vector
  void (*gemm)(const Product& product);
  std::int64_t panel;  // columns of b that are packed together
  // b[cols, depth], or b[depth, cols] for pack, into ceil(cols / panel) panels [depth][panel], the
  // last one padded with zeros. Row r of b starts at b + r * stride.
  void (*pack_transposed)(const float* b, std::int64_t stride, std::int64_t cols,
                          std::int64_t depth, float* packed);
  void (*pack)(const float* b, std::int64_t stride, std::int64_t cols, std::int64_t depth,
               float* packed);

  // y[rows, dim] = (x - mean) / sqrt(var + eps) * gamma + beta; y may be x.
  void (*layer_norm)(const float* x, const float* gamma, const float* beta, float eps,
                     std::int64_t rows, std::int64_t dim, float* y);

  // x[r, :] = softmax(scale * x[r, :]) for scale > 0, in place. cols > 0; rows have room for whole
  // vectors, and the elements between cols and the end of the last vector become 0.
  void (*softmax)(float* x, std::int64_t stride, float scale, std::int64_t rows, std::int64_t cols);

  // y[i] = a[i] + b[i]; y may be a or b.
  void (*add)(const float* a, const float* b, std::int64_t count, float* y);

  void (*halves_to_floats)(const std::uint16_t* source, float* target, std::size_t count);
  void (*floats_to_halves)(const float* source, std::uint16_t* target, std::size_t count);

  // y[rows, cols] = x[rows, depth] m[depth, cols], with the same bits in every set. Rows begin a
  // stride apart.
  void (*ordered_product)(const float* x, std::int64_t x_stride, const float* m,
                          std::int64_t m_stride, std::int64_t rows, std::int64_t depth,
                          std::int64_t cols, float* y, std::int64_t y_stride);

  // The same of integers, m[depth / 2, cols, 2]: depths 2 k and 2 k + 1 lie side by side. m_stride
  // counts pairs. Sums wrap around at 32 bits.
  void (*integer_product)(const std::int16_t* x, std::int64_t x_stride, const std::int16_t* m,
                          std::int64_t m_stride, std::int64_t rows, std::int64_t pairs,
                          std::int64_t cols, std::int32_t* y, std::int64_t y_stride);
};

// The fastest set that this CPU supports; chosen once.
const Kernels& kernels();

// Every set that this CPU supports, fastest first; returns how many. For tests.
inline constexpr int max_kernel_sets = 3;
int available_kernels(const Kernels* (&sets)[max_kernel_sets]);

}  // namespace quantring::cpu
