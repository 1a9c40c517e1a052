#pragma once
// Memory of the machine, from /proc/meminfo and /proc/swaps.

#include <cstdint>

#include "apps/doctor/machine/system_files.h"

namespace quantring::apps {

struct MemoryInfo {  // 0 if the kernel does not report it
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // without swapping
  std::uint64_t swap_bytes = 0, swap_used_bytes = 0;
  bool zram = false;  // swap in compressed memory
};

MemoryInfo read_memory_info(const SystemFiles& system);

}  // namespace quantring::apps
