#include "apps/doctor/checks.h"
#include "apps/doctor/machine/memory_info.h"
#include "apps/doctor/text.h"

namespace quantring::apps {
namespace {

// For the program, pictures and activations.
constexpr std::uint64_t overhead_bytes = 200'000'000;
constexpr double min_available = 0.1, max_swap_used = 0.25;  // of the total

}  // namespace

std::vector<Finding> check_memory(const SystemFiles& system, std::uint64_t need_bytes) {
  FindingList list;
  const MemoryInfo memory = read_memory_info(system);
  const auto total = static_cast<double>(memory.total_bytes);
  const std::string found = fmt::format("{} of {} available", gigabytes(memory.available_bytes),
                                        gigabytes(memory.total_bytes));
  if (static_cast<double>(memory.available_bytes) < min_available * total) {
    list.warning("memory", found,
                 "stop other programs; a Jetson without a desktop has 1 GB more: sudo systemctl "
                 "set-default multi-user.target, then reboot");
  } else {
    list.ok("memory", found);
  }

  const char* kind = memory.zram ? "compressed memory (zram)" : "disk";
  if (memory.swap_bytes == 0) {
    list.ok("swap", "none");
  } else {
    const std::string used = fmt::format("{} of {} used, on {}", gigabytes(memory.swap_used_bytes),
                                         gigabytes(memory.swap_bytes), kind);
    const bool heavy = static_cast<double>(memory.swap_used_bytes) >
                       max_swap_used * static_cast<double>(memory.swap_bytes);
    if (heavy) {
      list.warning("swap", used,
                   "memory was short, and reading swapped pages back is slow; stop other programs");
    } else {
      list.ok("swap", used);
    }
  }

  if (need_bytes == 0) return list.take();
  const std::string needs =
      fmt::format("the whole model needs {} in f32, half of that in f16", gigabytes(need_bytes));
  if (need_bytes + overhead_bytes > memory.available_bytes) {
    list.warning("model", needs, "it does not fit on this machine: run it as a ring (ring.toml)");
  } else {
    list.ok("model", needs + ": it fits");
  }
  return list.take();
}

}  // namespace quantring::apps
