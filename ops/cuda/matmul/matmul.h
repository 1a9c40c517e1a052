#pragma once
// y = activation(x W^T + b), and its forms with a layernorm before and a residual addition after:
// one description, several engines that can compute it, and the choice of the one measured to be
// fastest for a shape.

#include <vector_types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/cuda/device/queue.h"
#include "ops/cuda/matmul/linear_weights.h"
#include "ops/linear.h"
#include "ops/tensor.h"

namespace quantring::cuda {

struct MatmulCall {
  const void* x = nullptr;  // [rows, in], contiguous: activations, or the input of `norm`
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

  // Sums of rows of the residual stream, [parts, rows]: of a part of the row's elements, and of
  // their squares. With `accumulate`: output, those of y, at most max_sum_parts(out) parts, from
  // engines that can compute them, or null if not needed. With `norm`: input, those of x, or null.
  float2* sums = nullptr;
  int parts = 0;  // of the sums of x
  // The call with `norm` that will read the sums of y, or null. Only its shape matters.
  const MatmulCall* reader = nullptr;
};

inline bool writes_sums(const MatmulCall& call) {
  return call.accumulate && call.sums != nullptr;
}

// Engines divide a row into parts of at least this many columns.
inline constexpr int min_part_columns = 80;
constexpr std::int64_t max_sum_parts(std::int64_t columns) {
  return (columns + min_part_columns - 1) / min_part_columns;
}

// An implementation of matrix products.
class MatmulEngine {
 public:
  virtual ~MatmulEngine() = default;
  virtual const char* name() const = 0;  // "mma", "wgmma", "cublaslt"

  // The configurations worth measuring for this call, probably best first; none if this engine
  // cannot compute it. Names contain no spaces and mean the same in every run of the same build
  // (and library version): they are stored.
  virtual std::vector<std::string> candidates(const MatmulCall& call) = 0;

  // Enqueues the product. Allocates nothing and waits for nothing, so it can be recorded in a
  // graph. Throws Error if the candidate is not one of candidates(call).
  virtual void run(const MatmulCall& call, const std::string& candidate) = 0;

  // Into how many parts run() divides a row whose sums it writes; 0 if it writes none.
  virtual int sum_parts(const MatmulCall&, const std::string&) const { return 0; }
};

// Each allocates its workspace here, on the current device, and enqueues on `queue`, which must
// outlive it.
std::unique_ptr<MatmulEngine> make_mma_engine(const Queue& queue);  // mma.sync; any GPU from 8.0 on
std::unique_ptr<MatmulEngine> make_wgmma_engine(const Queue& queue);  // null below 9.0
// Null, and the reason in one line, if the library is missing or too old.
std::unique_ptr<MatmulEngine> make_cublas_lt_engine(const Queue& queue, std::string& reason);

// The autotuner: measures the engines' candidates at the first call of a shape, keeps the fastest,
// and stores it in a file in the user's cache folder.
class Matmul {
 public:
  explicit Matmul(const Queue& queue);
  ~Matmul();

  // Enqueues the product. The first call of a shape measures, and waits for the device, unless the
  // choice is in the file; while the stream is being captured it takes the first candidate instead.
  // Returns into how many parts the sums of y's rows in call.sums are divided, 0 for none. Throws
  // Error if no engine can compute the call.
  int run(const MatmulCall& call);

  // One line per measured shape, for the bench: the fastest candidate and its time.
  std::vector<std::string> report() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantring::cuda
