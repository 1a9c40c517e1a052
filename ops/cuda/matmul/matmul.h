#pragma once
// y = activation(x W^T + b), and its forms with the layernorm before and the residual behind: one
// description, several engines that can compute it, and the one that was measured to be fastest for
// a shape.

#include <vector_types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/cuda/matmul/linear_weights.h"
#include "ops/cuda/device/queue.h"
#include "ops/linear.h"
#include "ops/tensor.h"

namespace quantring::cuda {

struct MatmulCall {
  const void* x = nullptr;  // [rows, in], contiguous: activations, or what `norm` applies to
  DType x_dtype = DType::f16;
  std::int64_t rows = 0;
  const DeviceLinear* layer = nullptr;  // weights of f16 or bf16: x (after the norm) is the same
  Activation activation = Activation::none;
  bool accumulate = false;     // y += instead of y =; never together with an activation
  void* y = nullptr;           // [rows, out], contiguous
  DType y_dtype = DType::f16;  // the weights' dtype or f32

  // Set for norm_linear: x is the residual stream (the weights' dtype or f32) and the product's
  // input is layer_norm(x). `normed` [rows, in] of the weights' dtype may be used as scratch.
  bool norm = false;
  const float *gamma = nullptr, *beta = nullptr;  // [in]; null for a folded layer
  float eps = 0;
  void* normed = nullptr;

  // Of rows of the residual stream, [parts, rows]: the sum of a part of the row's elements, and the
  // sum of their squares. With `accumulate`: where an engine that can leaves those of y, at most
  // most_sums(out) parts, or null if nobody wants them. With `norm`: those of x, or null.
  float2* sums = nullptr;
  int parts = 0;  // of x's
  // The call with `norm` that is going to read the sums of y, or null. Only its shape counts.
  const MatmulCall* reader = nullptr;
};

inline bool leaves_sums(const MatmulCall& call) {
  return call.accumulate && call.sums != nullptr;
}

// No engine makes parts of fewer columns than this.
inline constexpr int least_summed = 80;
constexpr std::int64_t most_sums(std::int64_t columns) {
  return (columns + least_summed - 1) / least_summed;
}

// One way to compute matrix products.
class MatmulEngine {
 public:
  virtual ~MatmulEngine() = default;
  virtual const char* name() const = 0;  // "mma", "wgmma", "cublaslt"

  // The configurations worth trying for this call, likely best first; none if this engine cannot
  // compute it. Names hold no spaces and mean the same in every run of the same build (and library
  // version): they are stored.
  virtual std::vector<std::string> candidates(const MatmulCall& call) = 0;

  // Enqueues the product. Allocates nothing and waits for nothing, so it can be recorded in a
  // graph. Throws Error if the candidate is not one of candidates(call).
  virtual void run(const MatmulCall& call, const std::string& candidate) = 0;

  // Into how many parts run() divides a row whose sums it leaves; 0 if it leaves none.
  virtual int sums_left(const MatmulCall&, const std::string&) const { return 0; }
};

// Each allocates its workspace here, on the current device, and enqueues on `queue`, which must
// outlive it.
std::unique_ptr<MatmulEngine> make_mma_engine(const Queue& queue);  // mma.sync; any GPU from 8.0 on
std::unique_ptr<MatmulEngine> make_wgmma_engine(const Queue& queue);  // null below 9.0
// Null, and the reason in one line, if the library is missing or too old.
std::unique_ptr<MatmulEngine> make_cublas_lt_engine(const Queue& queue, std::string& reason);

// Measures the engines' candidates when a shape comes up first, keeps the fastest, and remembers it
// in a file of the user's cache folder.
class Matmul {
 public:
  explicit Matmul(const Queue& queue);
  ~Matmul();

  // Enqueues the product. The first call of a shape measures, unless the choice is in the file, and
  // then waits for the device; while the stream is being captured it does not measure but takes the
  // first candidate. Returns the parts of the sums of y's rows that are then in call.sums, or 0.
  // Throws Error if no engine can compute the call.
  int run(const MatmulCall& call);

  // One line a shape that was measured: the fastest and its time, for the bench.
  std::vector<std::string> report() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::cuda
