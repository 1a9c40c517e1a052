#pragma once
// The table of kernels of one instruction set. Included once by each of baseline.cpp, avx2.cpp and
// avx512.cpp, which differ in the flags they are compiled with.

#include "ops/cpu/isa/choose.h"
#include "ops/cpu/isa/gemm.h"
#include "ops/cpu/isa/half_convert.h"
#include "ops/cpu/isa/integer_product.h"
#include "ops/cpu/isa/ordered.h"
#include "ops/cpu/isa/rows.h"
#include "ops/cpu/kernels.h"

namespace quantring::cpu {
namespace {

constexpr Kernels make_kernels(const char* name) {
  return {
      .name = name,
      .lanes = lanes,
      .gemm = gemm,
      .panel = panel,
      .pack_transposed = pack_transposed,
      .pack = pack,
      .layer_norm = layer_norm,
      .softmax = softmax,
      .add = add,
      .halves_to_floats = halves_to_floats,
      .floats_to_halves = floats_to_halves,
      .ordered_product = ordered_product,
      .integer_product = integer_product,
  };
}

}  // namespace
}  // namespace quantring::cpu
