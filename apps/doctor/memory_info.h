#pragma once
// How much memory the machine has, from /proc/meminfo and /proc/swaps.

#include <cstdint>

#include "apps/doctor/system_files.h"

namespace quantring::apps {

struct MemoryInfo {  // bytes; 0 when the kernel does not say
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // that a program can take without anything being swapped out
  std::uint64_t swap_bytes = 0, swap_used_bytes = 0;
  bool zram = false;  // swap is compressed memory
};

MemoryInfo read_memory_info(const SystemFiles& system);

}  // namespace quantring::apps
