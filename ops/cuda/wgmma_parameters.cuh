#pragma once
// What a tile's epilogue needs besides the products, put into shared memory by three warps while
// the products are computed: the bias, and behind a norm the weights' sums and, of the x that
// passes through the ring of stages, each row's mean and 1 / standard deviation.

#include "ops/cuda/wgmma_epilogue.cuh"
#include "ops/cuda/wgmma_order.cuh"

namespace quantring::cuda {

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900

// Sums and sums of squares of 16 rows for each turn of one of three warps, on tensor cores: the
// rows times ones, and times themselves, of which the diagonal is what is wanted. Sums are f32.
template <class Tile, class T>
class RowStatistics {
 public:
  static constexpr int blocks = Tile::rows / 16, most = (blocks + 2) / 3;

  __device__ explicit RowStatistics(int thread) : warp_(thread / 32), lane_(thread % 32) {}

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < most; ++i) sum_[i][0] = sum_[i][1] = square_[i][0] = square_[i][1] = 0;
  }

  // x: a stage's rows of 64 columns, swizzled; zeros beyond `in`.
  __device__ void add(std::uint32_t x) {
    constexpr std::uint32_t ones = std::is_same_v<T, __half> ? 0x3C003C00u : 0x3F803F80u;
#pragma unroll
    for (int i = 0; i < most; ++i) {
      const int block = warp_ + 3 * i;
      if (block >= blocks) break;
      const int row = 16 * block + lane_ % 16;
      float sums[4] = {}, products[4] = {};
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        std::uint32_t a[4];  // rows 0-7 and 8-15 of columns 0-7, then of columns 8-15
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                     : "r"(x + row * 128 + (((2 * k + lane_ / 16) ^ (row % 8)) << 4))
                     : "memory");
        multiply(sums, a[0], a[1], a[2], a[3], ones, ones);
        multiply(products, a[0], 0, a[2], 0, a[0], a[2]);
        multiply(products, 0, a[1], 0, a[3], a[1], a[3]);
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        sum_[i][half] += sums[2 * half];
        square_[i][half] += lane_ / 4 % 2 == 0 ? products[2 * half] : products[2 * half + 1];
      }
    }
  }

  __device__ void store(std::uint32_t statistics, int in, float eps) const {
    const float inverse = 1.0f / static_cast<float>(in);
    // Of row r of 8, threads 4 r to 4 r + 3 have the sum and thread 4 r + r / 2 has the square.
    const int row = lane_ / 4;
    if (lane_ % 4 != row / 2) return;
#pragma unroll
    for (int i = 0; i < most; ++i) {
      const int block = warp_ + 3 * i;
      if (block >= blocks) break;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float mean = sum_[i][half] * inverse;
        const float variance = fmaxf(fmaf(-mean, mean, square_[i][half] * inverse), 0.0f);
        shared_store(statistics + 8 * (16 * block + 8 * half + row),
                     make_float2(mean, rsqrtf(variance + eps)));
      }
    }
  }

 private:
  // d += A B^T of 16 x 16 and 8 x 16.
  __device__ static void multiply(float (&d)[4], std::uint32_t a0, std::uint32_t a1,
                                  std::uint32_t a2, std::uint32_t a3, std::uint32_t b0,
                                  std::uint32_t b1) {
    if constexpr (std::is_same_v<T, __half>) {
      asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
          "{%8, %9}, {%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    } else {
      asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
          "{%8, %9}, {%0, %1, %2, %3};"
          : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
          : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    }
  }

  int warp_, lane_;
  float sum_[most][2], square_[most][2];
};

// thread: of 96, of three whole warps.
template <class Tile, class T>
__device__ inline void prepare_parameters(const WgmmaShared<Tile>& shared, const WgmmaArguments& a,
                                          int rank, int thread) {
  const int lane = thread % 32;
  RowStatistics<Tile, T> statistics(thread);
  int stage = 0, row_before = -1;
  std::uint32_t parity = 0;
  int row, column;
  wait_for_predecessor();
  for (int i = 0; place<Tile>(a, i, rank, row, column); ++i) {
    const std::uint32_t target = shared.parameters + i % 2 * Tile::parameter_bytes;
    barrier_wait(shared.free + 8 * (i % 2), i / 2 % 2 ^ 1);
    for (int c = thread; c < Tile::columns; c += 96) {
      const bool inside = column + c < a.out;
      shared_store(target + 4 * c, inside && a.bias != nullptr ? __ldg(a.bias + column + c) : 0.0f);
      if constexpr (Tile::norm) {
        shared_store(target + 4 * (Tile::columns + c),
                     inside ? __ldg(a.weight_sums + column + c) : 0.0f);
      }
    }
    if constexpr (Tile::norm) {
      if (row != row_before) statistics.clear();
      for (int step = 0; step < a.steps; ++step) {
        barrier_wait(shared.full + 8 * stage, parity);
        // The rows of the tile before, often.
        if (row != row_before) statistics.add(shared.x + stage * Tile::x_bytes);
        leave_stage<Tile>(shared, stage, lane);
        if (++stage == Tile::stages) {
          stage = 0;
          parity ^= 1;
        }
      }
      row_before = row;
      statistics.store(target + 8 * Tile::columns, a.in, a.eps);
    }
    __syncwarp();
    if (lane == 0) barrier_arrive(shared.ready + 8 * (i % 2));
  }
}

#endif

}  // namespace quantring::cuda
