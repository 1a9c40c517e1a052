#include "ops/cpu/memory.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>

namespace quantring::cpu {

// calloc gets large blocks from the kernel: pages that are never accessed never become resident. It
// aligns to 16 bytes only, so the block is larger and its start is stored before the aligned one.
void* allocate_aligned(std::size_t bytes) {
  constexpr std::size_t alignment = 64;
  if (bytes == 0) return nullptr;
  if (bytes > std::numeric_limits<std::size_t>::max() - 2 * alignment) throw std::bad_alloc();
  void* const block = std::calloc(bytes + 2 * alignment, 1);
  if (block == nullptr) throw std::bad_alloc();
  const auto start = reinterpret_cast<std::uintptr_t>(block);
  const std::size_t ahead = 2 * alignment - start % alignment;
  auto* const aligned = static_cast<std::byte*>(block) + ahead;
  reinterpret_cast<void**>(aligned)[-1] = block;
  return aligned;
}

void release_aligned(void* memory) noexcept {
  if (memory != nullptr) std::free(static_cast<void**>(memory)[-1]);
}

}  // namespace quantring::cpu
