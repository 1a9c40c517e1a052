#pragma once
// How thread blocks share the images of a batch when quantizing.

#include <cstddef>
#include <cstdint>

#include "ops/coding/coding.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

struct QuantizePlan {
  enum class Method : std::uint8_t {
    held,     // one kernel (compute capability 9.0), a cluster holds an image: see held_fits
    kernels,  // one kernel per phase
  };
  Method method = Method::kernels;
  int blocks = 1;      // per image, up to 16
  int threads = 1024;  // of a block, whole warps
};

QuantizePlan plan_quantize(const Queue& queue, ConstTensor values);

inline constexpr int max_warps = 32;   // of a block
inline constexpr int max_blocks = 16;  // of a team

// Maxima of method held. Vectors of 8 values per thread: with more, its sums would overflow and the
// L1 cache would be too small.
inline constexpr int max_held_vectors = 32;
inline constexpr int max_held_threads = 512;

// Whether method held is possible: 16-bit values in whole vectors of 8, and images no larger than
// their blocks can hold.
bool held_fits(const QuantizePlan& plan, ConstTensor values);

struct QuantizeCall {
  const void* values;
  std::int64_t images, each;
  int dim;  // values of a token
  Clip clip;
  float factor;  // coding::clip_factor(bits)
  float top;     // 2^bits - 1
  void* scratch;
  GridRange* ranges;
  std::byte* codes;
  std::int64_t code_bytes;  // of an image
};

// One file per dtype, to compile in parallel.
void quantize_f32(const Queue& queue, const QuantizePlan& plan, int bits, const QuantizeCall& call);
void quantize_f16(const Queue& queue, const QuantizePlan& plan, int bits, const QuantizeCall& call);
void quantize_bf16(const Queue& queue, const QuantizePlan& plan, int bits,
                   const QuantizeCall& call);

// quantize() of ops/cuda/coding/coding.h with the given plan.
void quantize_by(const QuantizePlan& plan, const Queue& queue, ConstTensor values, Clip clip,
                 int bits, void* scratch, GridRange* ranges, std::byte* codes);

}  // namespace quantring::cuda
