#pragma once
// How the blocks of a GPU share the images of a batch when they are quantized.

#include <cstddef>
#include <cstdint>

#include "ops/coding/coding.h"
#include "ops/cuda/device/queue.h"

namespace quantring::cuda {

struct QuantizePlan {
  enum class Way : std::uint8_t {
    held,     // one kernel (compute capability 9.0), a cluster holds an image: see held_fits
    kernels,  // one kernel a phase
  };
  Way way = Way::kernels;
  int blocks = 1;      // of an image's team, up to 16
  int threads = 1024;  // of a block, whole warps
};

QuantizePlan plan_quantize(const Queue& queue, ConstTensor values);

inline constexpr int most_warps = 32;   // of a block
inline constexpr int most_blocks = 16;  // of a team

// Vectors of 8 values that a thread takes at most where a cluster holds an image: for longer, its
// sums are too narrow and the first-level cache is too small.
inline constexpr int held_vectors = 32;
inline constexpr int held_threads = 512;  // at most

// Whether `way` held does for values like these: 16 bits each, in whole vectors of 8, no image
// larger than its blocks can hold.
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

// One file a dtype, for compiling them side by side.
void quantize_f32(const Queue& queue, const QuantizePlan& plan, int bits, const QuantizeCall& call);
void quantize_f16(const Queue& queue, const QuantizePlan& plan, int bits, const QuantizeCall& call);
void quantize_bf16(const Queue& queue, const QuantizePlan& plan, int bits,
                   const QuantizeCall& call);

// quantize() of ops/cuda/coding/coding.h with a plan of the caller's.
void quantize_by(const QuantizePlan& plan, const Queue& queue, ConstTensor values, Clip clip,
                 int bits, void* scratch, GridRange* ranges, std::byte* codes);

}  // namespace quantring::cuda
