#pragma once
#include <cstddef>

namespace quantring::cpu {

// Zeroed, aligned to 64 bytes; null for 0 bytes. Throws std::bad_alloc.
void* allocate_aligned(std::size_t bytes);
void release_aligned(void* memory) noexcept;

}  // namespace quantring::cpu
