#include <fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "apps/doctor/checks.h"
#include "apps/doctor/text.h"

namespace quantring::apps {
namespace {

constexpr const char* cpu_folder = "/sys/devices/system/cpu/";

// On ARM /proc/cpuinfo has no model name, only the part number (MIDR_EL1).
std::string arm_name(const std::string& cpuinfo) {
  const std::string part = value_of(cpuinfo, "CPU part");
  if (part.empty()) return {};
  constexpr std::pair<const char*, const char*> known[] = {{"0xd03", "Cortex-A53"},
                                                           {"0xd07", "Cortex-A57"},
                                                           {"0xd08", "Cortex-A72"},
                                                           {"0xd0b", "Cortex-A76"},
                                                           {"0xd42", "Cortex-A78AE"}};
  for (const auto& [number, name] : known) {
    if (part == number) return fmt::format("ARM {}", name);
  }
  return fmt::format("ARM part {}", part);
}

// Number of CPUs in a list such as "0-3,5"; 0 if it is malformed.
int cpu_count(const std::string& list) {
  int count = 0;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto dash = part.find('-');
    const auto first = whole_from(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : whole_from(part.substr(dash + 1));
    if (!first || !last || *last < *first || *last > 100000) return 0;
    count += static_cast<int>(*last - *first + 1);
  }
  return count;
}

void check_features(const std::string& cpuinfo, const std::string& kernels, FindingList& list) {
  const std::string flags = " " + value_of(cpuinfo, "flags") + " ";
  if (value_of(cpuinfo, "flags").empty()) {
    return list.ok("instructions", fmt::format("kernels: {} (NEON on ARM)", kernels));
  }
  std::vector<std::string> present;
  for (const char* name :
       {"sse2", "avx2", "fma", "f16c", "avx512f", "avx512dq", "avx512bw", "avx512vl"}) {
    if (flags.find(fmt::format(" {} ", name)) != std::string::npos) present.push_back(name);
  }
  const std::string found =
      fmt::format("kernels: {}; the CPU has {}", kernels, fmt::join(present, ", "));
  if (kernels != "baseline") return list.ok("instructions", found);
  list.warning("instructions", found,
               "without AVX2, FMA and F16C inference is several times slower; in a virtual machine "
               "pass the host's CPU through (-cpu host)");
}

// A frequency of cpufreq (in kHz there), in Hz; 0 if it is not available.
double clock(const SystemFiles& system, const std::string& core, const char* name) {
  const auto kilohertz = system.number(fmt::format("{}{}/cpufreq/{}", cpu_folder, core, name));
  return kilohertz ? 1e3 * static_cast<double>(*kilohertz) : 0;
}

void check_clocks(const SystemFiles& system, FindingList& list) {
  const std::string folder = fmt::format("{}cpu0/cpufreq/", cpu_folder);
  const std::string governor = system.text(folder + "scaling_governor").value_or("");
  if (governor.empty())
    return list.note("clocks", "not reported by the kernel (a virtual machine?)");
  const double now = clock(system, "cpu0", "scaling_cur_freq"),
               allowed = clock(system, "cpu0", "scaling_max_freq"),
               maximum = clock(system, "cpu0", "cpuinfo_max_freq");
  const std::string found =
      fmt::format("{} now, {} allowed, {} possible; governor {}", megahertz(now),
                  megahertz(allowed), megahertz(maximum), governor);
  // With a pstate driver powersave only means that the hardware sets the clock.
  const std::string driver = system.text(folder + "scaling_driver").value_or("");
  const bool hardware_managed = driver.find("pstate") != std::string::npos;
  if (governor == "powersave" && !hardware_managed) {
    return list.warning("clocks", found,
                        "always at the lowest clock: echo schedutil | sudo tee "
                        "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
  }
  if (allowed < 0.95 * maximum) {
    return list.note("clocks", found, "the clock is limited; on a Jetson by the power mode");
  }
  list.ok("clocks", found);
}

}  // namespace

std::vector<Finding> check_cpu(const SystemFiles& system, const std::string& kernels) {
  FindingList list;
  const std::string cpuinfo = system.text("/proc/cpuinfo").value_or("");
  std::string name = value_of(cpuinfo, "model name");
  if (name.empty()) name = arm_name(cpuinfo);
  const int online = cpu_count(system.text(fmt::format("{}online", cpu_folder)).value_or("")),
            present = cpu_count(system.text(fmt::format("{}present", cpu_folder)).value_or(""));
  const std::string found =
      fmt::format("{}, {} core{}", name.empty() ? "unknown" : name, online, online == 1 ? "" : "s");
  if (online < present) {
    list.note("processor", fmt::format("{}, {} more are offline", found, present - online),
              "on a Jetson set by the power mode: choose one with all cores");
  } else {
    list.ok("processor", found);
  }
  check_features(cpuinfo, kernels, list);
  check_clocks(system, list);
  return list.take();
}

}  // namespace quantring::apps
