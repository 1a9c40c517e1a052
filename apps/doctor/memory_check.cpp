#include "apps/doctor/checks.h"
#include "apps/doctor/memory_info.h"
#include "apps/doctor/text.h"

namespace quantring::apps {
namespace {

// For the program itself, pictures and activations.
constexpr std::uint64_t beside_bytes = 200'000'000;
constexpr double little = 0.1, much_swap = 0.25;  // of what there is

}  // namespace

std::vector<Finding> check_memory(const SystemFiles& system, std::uint64_t need_bytes) {
  FindingList list;
  const MemoryInfo memory = read_memory_info(system);
  const auto total = static_cast<double>(memory.total_bytes);
  const std::string found = fmt::format("{} of {} can be taken", gigabytes(memory.available_bytes),
                                        gigabytes(memory.total_bytes));
  if (static_cast<double>(memory.available_bytes) < little * total) {
    list.warning("memory", found,
                 "end other programs; a Jetson without a desktop has 1 GB more: sudo systemctl "
                 "set-default multi-user.target, then restart it");
  } else {
    list.ok("memory", found);
  }

  const char* kind = memory.zram ? "compressed memory (zram)" : "disk";
  if (memory.swap_bytes == 0) {
    list.ok("swap", "none");
  } else {
    const std::string used = fmt::format("{} of {} used, on {}", gigabytes(memory.swap_used_bytes),
                                         gigabytes(memory.swap_bytes), kind);
    const bool much = static_cast<double>(memory.swap_used_bytes) >
                      much_swap * static_cast<double>(memory.swap_bytes);
    if (much) {
      list.warning("swap", used,
                   "the machine has had too little memory: what is swapped out comes back slowly; "
                   "end other programs");
    } else {
      list.ok("swap", used);
    }
  }

  if (need_bytes == 0) return list.take();
  const std::string needs =
      fmt::format("the whole model takes {} in f32, half of that in f16", gigabytes(need_bytes));
  if (need_bytes + beside_bytes > memory.available_bytes) {
    list.warning("model", needs,
                 "it does not fit here: run it as a ring of several stages (--stages, ring.toml)");
  } else {
    list.ok("model", needs + ": it fits here");
  }
  return list.take();
}

}  // namespace quantring::apps
