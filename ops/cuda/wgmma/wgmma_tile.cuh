#pragma once
// Tile shapes and arguments of the wgmma kernel, shared by the kernel and the engine.

#include <cuda.h>

#include <cstdint>
#include <span>

#include "ops/cuda/matmul/matmul.h"

namespace quantring::cuda {

// The operand that the two blocks of a cluster share, each loading one half of it for both:
// horizontally adjacent tiles share rows of x, vertically adjacent ones share rows of W. `nothing`:
// no cluster.
enum class Share { nothing, x, w };

// warpgroups_: of 128 threads that multiply, each `blocks` times 64 rows. ping_pong: each of them
// has a tile of its own, so that one multiplies while the other writes; else they share a tile.
// stages_: parts of 64 columns of `in` that shared memory holds.
template <int warpgroups_, int blocks_, int columns_, int stages_, bool ping_pong_, Share share_>
struct WgmmaTile {
  static constexpr int warpgroups = warpgroups_, blocks = blocks_, columns = columns_,
                       stages = stages_;
  static constexpr bool ping_pong = ping_pong_;
  static constexpr Share share = share_;
  static constexpr int cluster = share == Share::nothing ? 1 : 2;
  static constexpr int rows = 64 * blocks * (ping_pong ? 1 : warpgroups);
  static constexpr int threads = 128 * (warpgroups + 1);
  static constexpr int warps = 4 * warpgroups;                         // that multiply
  static constexpr int x_bytes = rows * 128, w_bytes = columns * 128;  // of a stage

  // Registers per thread: first equal for all, then few for the threads that do not multiply.
  static constexpr int registers_at_start = 65536 / threads / 8 * 8;
  static constexpr int registers = warpgroups == 3 && columns == 256            ? 32
                                   : warpgroups == 2 && blocks * columns == 384 ? 40
                                                                                : 56;
  static constexpr int registers_multiplying =
      (registers_at_start * (warpgroups + 1) - registers) / warpgroups / 8 * 8;

  // For a tile's epilogue: bias and weights' sums of its columns, mean and scale of its
  // rows. Double-buffered.
  static constexpr int parameter_bytes = 8 * columns + 8 * rows;
  // y is stored through shared memory in boxes of 16 rows, a few for each warp: of 128 bytes,
  // swizzled against bank conflicts, or of another width that divides the tile, not swizzled.
  static constexpr bool swizzled = columns % 64 == 0;
  static constexpr int box_columns_16 = swizzled ? 64 : columns % 80 == 0 ? 80 : 48;  // of 16 bits
  static constexpr int box_bytes = 16 * 2 * box_columns_16;
  static constexpr int max_bytes = 232448, barrier_bytes = 1024;
  static constexpr int free_bytes =
      max_bytes - barrier_bytes - 2 * parameter_bytes - stages * (x_bytes + w_bytes);
  static constexpr int max_boxes = free_bytes / (warps * box_bytes);
  static constexpr int boxes_16 =
      blocks * columns / box_columns_16;  // boxes of y per warp in 16 bits
  static constexpr int boxes = max_boxes >= boxes_16                 ? boxes_16
                               : max_boxes >= 4 && boxes_16 % 4 == 0 ? 4
                               : max_boxes >= 3 && boxes_16 % 3 == 0 ? 3
                               : max_boxes >= 2 && boxes_16 % 2 == 0 ? 2
                                                                     : 1;
  static_assert(max_boxes >= 1 && columns % box_columns_16 == 0 && columns >= min_part_columns);
  static constexpr int barriers = 2 * stages + warps * boxes + warpgroups + 4;
  static_assert(8 * barriers <= barrier_bytes);
  static constexpr int shared_bytes =
      stages * (x_bytes + w_bytes) + warps * boxes * box_bytes + 2 * parameter_bytes + 8 * barriers;
};

enum class WgmmaEpilogue { plain, gelu_erf, other_gelu, add };

struct WgmmaArguments {
  int rows = 0, in = 0, out = 0;
  int steps = 0;                        // of 64 columns of `in`
  int row_units = 0, column_units = 0;  // tiles, or pairs of them in a cluster
  int group = 1;                        // row units that are traversed column by column
  float alpha = 1;
  const float* bias = nullptr;  // [out] or null
  Activation activation = Activation::none;

  // After a norm (linear_weights.h): row sums of the weights, [out], and of x (matmul.h).
  const float* weight_sums = nullptr;
  const float2* row_sums = nullptr;  // null: no norm
  int parts = 0;
  float eps = 0;
  // Row sums of an accumulated y, for the next norm, a part for each tile of columns; or null.
  float2* sums_of_y = nullptr;
};

using WgmmaKernel = void (*)(CUtensorMap x, CUtensorMap w, CUtensorMap y, WgmmaArguments);

// One tile's kernels, and their launch parameters.
struct WgmmaChoice {
  const char* name;
  int rows, columns, box_columns, cluster, threads;
  Share share;
  bool ping_pong;
  // Indexed by WgmmaEpilogue; null if there is none.
  int shared_bytes;
  WgmmaKernel to_16[4];  // y of the weights' dtype
  WgmmaKernel to_f32[4];
};

std::span<const WgmmaChoice> wgmma_choices_f16();
std::span<const WgmmaChoice> wgmma_choices_bf16();

}  // namespace quantring::cuda
