#pragma once
// Coding in tiles on the CPU, an image a thread (ops/coding/tile_coding.h).

#include <cstddef>
#include <cstdint>

#include "ops/coding/tile_layout.h"

namespace quantring {
class ThreadPool;
}

namespace quantring::cpu {

// keys: layout.units() for each thread of the pool. body: layout.max_bytes() long.
void encode_tiles(ThreadPool& pool, const TileLayout& layout, const float* values,
                  std::uint64_t* keys, std::byte* body);
void decode_tiles(ThreadPool& pool, const TileLayout& layout, const std::byte* body, float* values);

}  // namespace quantring::cpu
