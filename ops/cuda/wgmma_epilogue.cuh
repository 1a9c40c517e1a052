#pragma once
// From accumulators to y: alpha, bias, activation or the old y, rounding, and the way out through
// shared memory, 16 rows by 128 bytes at a time and warp by warp, so that no warp waits for
// another.

#include <type_traits>

#include "ops/cuda/number.h"
#include "ops/cuda/wgmma_pipeline.cuh"
#include "ops/cuda/wgmma_tile.cuh"

namespace quantring::cuda {

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

__device__ inline float exp2_approximate(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// x Phi(x) = max(x, 0) - |x| Q(|x|), where Q(t) = erfc(t / sqrt 2) / 2 is 2 to the power of a
// polynomial, fitted on [0, 5.5] for the least absolute error of t Q(t), 5e-7, and falling on from
// there: six FMA-like instructions and one exp2, which runs beside them.
__device__ inline float wgmma_gelu_erf(float x) {
  const float t = fabsf(x);
  float p = -0.0004732975359f;
  p = fmaf(p, t, 0.007084485359f);
  p = fmaf(p, t, -0.05182722768f);
  p = fmaf(p, t, -0.4599925828f);
  p = fmaf(p, t, -1.150787797f);
  p = fmaf(p, t, -1.000037629f);
  return fmaf(-t, exp2_approximate(p), fmaxf(x, 0.0f));
}

// x sigmoid(s): of the tanh form s = 2 sqrt(2 / pi) (x + 0.044715 x^3), of the quick one 1.702 x.
__device__ inline float wgmma_other_gelu(float x, bool quick) {
  constexpr float log2_e = 1.44269504f;
  const float s = quick ? -1.702f * log2_e * x
                        : x * fmaf(-0.0713548163f * log2_e, x * x, -1.59576912f * log2_e);
  return __fdividef(x, 1.0f + exp2_approximate(fminf(s, 126.0f)));
}

template <class T>
__device__ inline std::uint32_t pack(float low, float high) {
  if constexpr (std::is_same_v<T, __half>) {
    const __half2 pair = __floats2half2_rn(low, high);
    return reinterpret_cast<const std::uint32_t&>(pair);
  } else {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return reinterpret_cast<const std::uint32_t&>(pair);
  }
}
template <class T>
__device__ inline float2 unpack(std::uint32_t pair) {
  if constexpr (std::is_same_v<T, __half>) {
    return __half22float2(reinterpret_cast<const __half2&>(pair));
  } else {
    return __bfloat1622float2(reinterpret_cast<const __nv_bfloat162&>(pair));
  }
}

template <WgmmaEpilogue kind>
__device__ inline float wgmma_activate(float value, Activation activation) {
  if constexpr (kind == WgmmaEpilogue::gelu_erf) return wgmma_gelu_erf(value);
  if constexpr (kind == WgmmaEpilogue::other_gelu) {
    return wgmma_other_gelu(value, activation == Activation::gelu_quick);
  }
  return value;
}

// Where y's boxes of one warp pass through, and the stores under way.
template <class Tile, class T, class Y, WgmmaEpilogue kind>
class WgmmaWriter {
 public:
  static constexpr bool loads = kind == WgmmaEpilogue::add && std::is_same_v<T, Y>;
  static constexpr int box_columns = Tile::box_columns_16 * 2 / static_cast<int>(sizeof(Y));
  static constexpr int boxes_of_block = Tile::columns / box_columns;
  static constexpr int total = Tile::blocks * boxes_of_block;  // a tile's, of this warp

  // area: the warp's Tile::boxes boxes; arrived: as many barriers
  __device__ WgmmaWriter(const CUtensorMap* y, const WgmmaArguments& arguments, std::uint32_t area,
                         std::uint32_t arrived)
      : y_(y), arguments_(arguments), area_(area), arrived_(arrived), lane_(threadIdx.x % 32) {}

  // Before the tile's products: asks for the old y. row, column: of the warp's first box.
  __device__ void begin(int row, int column) {
    row_ = row;
    column_ = column;
    if constexpr (loads) {
      if (lane_ == 0) {
        store_wait_read<0>();
#pragma unroll
        for (int i = 0; i < Tile::boxes; ++i) load(i);
      }
    }
  }

  // d: the accumulators of the tile's 64 rows number `block`.
  // biases: the tile's, in shared memory.
  template <int block>
  __device__ void write(const float (&d)[Tile::columns / 2], std::uint32_t biases) {
    constexpr int groups = box_columns / 8;
#pragma unroll
    for (int box = 0; box < boxes_of_block; ++box) {
      const int index = block * boxes_of_block + box;
      float2 bias[groups];
#pragma unroll
      for (int j = 0; j < groups; ++j) {
        bias[j] = shared_load<float2>(biases + 4 * (box * box_columns + 8 * j + 2 * (lane_ % 4)));
      }
      const std::uint32_t target = area_ + (index % Tile::boxes) * Tile::box_bytes;
      if constexpr (loads) {
        barrier_wait(arrived_ + (index % Tile::boxes) * 8, parity_);
        if (index % Tile::boxes == Tile::boxes - 1) parity_ ^= 1;
      } else {
        if (lane_ == 0) store_wait_read<Tile::boxes - 1>();
        __syncwarp();
      }
      if constexpr (sizeof(Y) == 2) {
        fill_16(&d[box * box_columns / 2], bias, target);
      } else {
        fill_32(&d[box * box_columns / 2], bias, target);
      }
      fence_shared_writes();
      __syncwarp();
      if (lane_ == 0) {
        const int at_column = column_ + box * box_columns, at_row = row_ + 64 * block;
        if constexpr (kind == WgmmaEpilogue::add && !loads) {
          tensor_add(y_, at_column, at_row, target);
        } else {
          tensor_store(y_, at_column, at_row, target);
        }
        store_commit();
        if constexpr (loads) {
          if (index + Tile::boxes < total) {
            store_wait_read<0>();
            load(index + Tile::boxes);
          }
        }
      }
    }
  }

  __device__ void end() {
    if (lane_ == 0) store_wait_read<0>();
  }

 private:
  __device__ void load(int index) {
    const std::uint32_t barrier = arrived_ + (index % Tile::boxes) * 8;
    barrier_expect(barrier, Tile::box_bytes);
    tensor_load(area_ + (index % Tile::boxes) * Tile::box_bytes, y_,
                column_ + index % boxes_of_block * box_columns,
                row_ + 64 * (index / boxes_of_block), barrier);
  }

  __device__ float finish(float value, float bias) const {
    return wgmma_activate<kind>(fmaf(value, arguments_.alpha, bias), arguments_.activation);
  }

  // Stores of 16 by 16, in pieces of 16 bytes.
  __device__ void fill_16(const float* d, const float2* bias, std::uint32_t target) const {
    const int row = lane_ % 16, piece = lane_ / 16;
#pragma unroll
    for (int i = 0; i < box_columns / 16; ++i) {
      const std::uint32_t address = Tile::swizzled
                                        ? target + row * 128 + (((2 * i + piece) ^ (row % 8)) << 4)
                                        : target + row * (2 * box_columns) + 32 * i + 16 * piece;
      float v[8];
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        const float2 b = bias[2 * i + e / 4];
        v[e] = finish(d[8 * i + e], e % 2 == 0 ? b.x : b.y);
      }
      if constexpr (loads) {
        std::uint32_t old[4];
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(old[0]), "=r"(old[1]), "=r"(old[2]), "=r"(old[3])
                     : "r"(address)
                     : "memory");
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          const float2 pair = unpack<T>(old[e]);
          v[2 * e] += pair.x;
          v[2 * e + 1] += pair.y;
        }
      }
      asm volatile(
          "stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
          "r"(pack<T>(v[0], v[1])), "r"(pack<T>(v[2], v[3])), "r"(pack<T>(v[4], v[5])),
          "r"(pack<T>(v[6], v[7]))
          : "memory");
    }
  }

  // 32 columns of f32.
  __device__ void fill_32(const float* d, const float2* bias, std::uint32_t target) const {
    const int row = lane_ / 4, quarter = lane_ % 4;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int j = i / 2, half = i % 2;
      const std::uint32_t address =
          target + (row + 8 * half) * 128 + (((2 * j + quarter / 2) ^ row) << 4) + quarter % 2 * 8;
      asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(address),
                   "f"(finish(d[4 * j + 2 * half], bias[j].x)),
                   "f"(finish(d[4 * j + 2 * half + 1], bias[j].y))
                   : "memory");
    }
  }

  const CUtensorMap* y_;
  const WgmmaArguments& arguments_;
  std::uint32_t area_, arrived_;
  int lane_;
  int row_ = 0, column_ = 0;
  std::uint32_t parity_ = 0;
};

#endif

}  // namespace quantring::cuda
