#include "apps/doctor/machine/memory_info.h"

#include <algorithm>

namespace quantring::apps {

MemoryInfo read_memory_info(const SystemFiles& system) {
  const std::string text = system.text("/proc/meminfo").value_or("");
  const auto bytes = [&](const char* key) -> std::uint64_t {
    const std::string value = value_of(text, key);  // "16332104 kB"
    const auto kilobytes = whole_from(value.substr(0, value.find(' ')));
    return kilobytes && *kilobytes > 0 ? static_cast<std::uint64_t>(*kilobytes) * 1024 : 0;
  };
  MemoryInfo memory;
  memory.total_bytes = bytes("MemTotal");
  memory.available_bytes = bytes("MemAvailable");
  memory.swap_bytes = bytes("SwapTotal");
  memory.swap_used_bytes = memory.swap_bytes - std::min(memory.swap_bytes, bytes("SwapFree"));
  memory.zram = system.text("/proc/swaps").value_or("").find("/dev/zram") != std::string::npos;
  return memory;
}

}  // namespace quantring::apps
