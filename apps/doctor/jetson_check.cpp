#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/doctor/checks.h"
#include "apps/doctor/machine/power_mode.h"
#include "apps/doctor/text.h"

namespace quantring::apps {
namespace {

constexpr double hot_celsius = 85;  // Orin throttles from 99; NVIDIA's fan profiles end near 85

std::string model_name(const SystemFiles& system) {
  return system.text("/proc/device-tree/model").value_or("");
}

// "# R36 (release), REVISION: 4.3, GCID: ..." -> {36, "4.3"}
struct Release {
  int major = 0;
  std::string revision;
};

Release l4t_release(const SystemFiles& system) {
  const std::string text = system.text("/etc/nv_tegra_release").value_or("");
  Release release;
  const auto word = [&](const std::string& key, const char* end) -> std::string {
    const auto at = text.find(key);
    if (at == std::string::npos) return {};
    return text.substr(at + key.size(), text.find_first_of(end, at + key.size()) - at - key.size());
  };
  release.major = static_cast<int>(whole_from(word("# R", " ")).value_or(0));
  release.revision = word("REVISION: ", ", \n");
  return release;
}

std::string jetpack(const Release& release) {
  if (release.major == 36) {
    constexpr std::pair<const char*, const char*> known[] = {
        {"2.", "6.0 DP"}, {"3.", "6.0"}, {"4.0", "6.1"}, {"4.3", "6.2"}, {"4.4", "6.2.1"}};
    for (const auto& [revision, version] : known) {
      if (release.revision.starts_with(revision)) return fmt::format("JetPack {}", version);
    }
    return "JetPack 6.2.1 or newer";
  }
  if (release.major > 36) return "JetPack 7";
  return release.major == 35 ? "JetPack 5" : "older than JetPack 5";
}

void check_release(const SystemFiles& system, FindingList& list) {
  const Release release = l4t_release(system);
  if (release.major == 0) {
    return list.note("release",
                     "unknown: /etc/nv_tegra_release is missing or unreadable (a container?)");
  }
  const std::string found =
      fmt::format("L4T {}.{} ({})", release.major, release.revision, jetpack(release));
  const bool cuda_12_6 = release.major > 36 || (release.major == 36 && release.revision >= "4");
  if (cuda_12_6) return list.ok("release", found);
  list.warning("release", found + ": its CUDA is older than 12.6, which the GPU code needs",
               "flash JetPack 6.1 or newer, or use the CPU with the static program");
}

void check_power(const SystemFiles& system, FindingList& list) {
  const PowerModes modes = read_power_modes(system);
  if (!modes.now) return list.note("power mode", "unknown: no /var/lib/nvpmodel/status");
  std::vector<std::string> names;
  for (const PowerMode& mode : modes.all) names.push_back(mode.name);
  const std::string found = fmt::format(
      "{} (mode {}){}", modes.now->name.empty() ? "unknown" : modes.now->name, modes.now->id,
      names.empty() ? "" : fmt::format(" of {}", fmt::join(names, ", ")));
  if (!modes.best || modes.best->id == modes.now->id) return list.ok("power mode", found);
  list.warning("power mode", found + ": not the fastest",
               fmt::format("sudo nvpmodel -m {} ({}); power supply and cooling must allow it",
                           modes.best->id, modes.best->name));
}

// The GPU's folder in devfreq: "17000000.gpu" on Orin, "17000000.gv11b" on Xavier, "gpu-gpc-0" on
// Thor.
std::string gpu_clocks(const SystemFiles& system) {
  const std::string folder = "/sys/class/devfreq/";
  for (const std::string& name : system.names(folder)) {
    if (name.ends_with(".gpu") || name.ends_with(".ga10b") || name.ends_with(".gv11b") ||
        name.starts_with("gpu-gpc")) {
      return folder + name + "/";
    }
  }
  return {};
}

void check_gpu_clock(const SystemFiles& system, FindingList& list) {
  const std::string folder = gpu_clocks(system);
  if (folder.empty()) return list.note("GPU clock", "not reported by the kernel");
  const auto hertz = [&](const char* name) {
    return static_cast<double>(system.number(folder + name).value_or(0));
  };
  const double now = hertz("cur_freq"), low = hertz("min_freq"), high = hertz("max_freq");
  const std::string found =
      fmt::format("{} now, {} to {}, governor {}", megahertz(now), megahertz(low), megahertz(high),
                  system.text(folder + "governor").value_or("unknown"));
  if (low < high) {
    return list.note(
        "GPU clock", found + ": rises only under load",
        "sudo jetson_clocks sets all clocks to the power mode's maximum until a reboot");
  }
  list.ok("GPU clock", found);
}

// Readable by root only.
void check_memory_clock(const SystemFiles& system, FindingList& list) {
  const std::string folder = "/sys/kernel/debug/bpmp/debug/clk/emc/";
  const auto now = system.number(folder + "rate"), maximum = system.number(folder + "max_rate");
  if (!now || !maximum) return;
  list.ok("memory clock", fmt::format("{} now, {} at most", megahertz(static_cast<double>(*now)),
                                      megahertz(static_cast<double>(*maximum))));
}

void check_temperature(const SystemFiles& system, FindingList& list) {
  const std::string folder = "/sys/class/thermal/";
  std::vector<std::string> zones, throttled;
  double hottest = 0;
  for (const std::string& name : system.names(folder)) {
    std::string type = system.text(folder + name + "/type").value_or("");
    if (name.starts_with("thermal_zone")) {
      // The sensor of a unit that is powered off cannot be read.
      const auto temperature = system.number(folder + name + "/temp");
      if (!temperature) continue;
      const double celsius = static_cast<double>(*temperature) / 1000;
      hottest = std::max(hottest, celsius);
      zones.push_back(fmt::format("{} {:.0f}", type.substr(0, type.find("-thermal")), celsius));
    } else if (type.ends_with("-throttle-alert") &&
               system.number(folder + name + "/cur_state").value_or(0) > 0) {
      throttled.push_back(type.substr(0, type.find("-throttle")));
    }
  }
  if (zones.empty()) return list.note("temperature", "not reported by the kernel");
  const std::string found = fmt::format("{} °C", fmt::join(zones, ", "));
  const char* remedy =
      "improve cooling: check the fan (sudo systemctl status nvfancontrol) and the heat "
      "sink, or use a power mode with fewer watts";
  if (!throttled.empty()) {
    return list.warning(
        "temperature",
        fmt::format("{}; too hot, throttled now: {}", found, fmt::join(throttled, ", ")), remedy);
  }
  if (hottest >= hot_celsius)
    return list.warning("temperature", found + ": close to throttling", remedy);
  list.ok("temperature", found);
}

// Orin's event counters since boot: oc1 is undervoltage, oc2 and oc3 average and peak overcurrent.
// Each event throttles the machine for a short time.
void check_supply(const SystemFiles& system, FindingList& list) {
  const std::string folder = "/sys/class/hwmon/";
  std::int64_t events = 0;
  bool counted = false;
  for (const std::string& monitor : system.names(folder)) {
    if (system.text(folder + monitor + "/name") != "soctherm_oc") continue;
    for (const char* name : {"oc1_event_cnt", "oc2_event_cnt", "oc3_event_cnt"}) {
      const auto count = system.number(folder + monitor + "/" + name);
      counted = counted || count;
      events += count.value_or(0);
    }
  }
  if (!counted) return;
  if (events == 0) return list.ok("power supply", "no undervoltage or overcurrent since boot");
  list.warning("power supply",
               fmt::format("too weak {} time{} since boot; each time the machine was throttled",
                           events, events == 1 ? "" : "s"),
               "use a stronger power supply and a short cable, or a power mode with fewer watts");
}

}  // namespace

bool is_jetson(const SystemFiles& system) {
  return model_name(system).find("Jetson") != std::string::npos ||
         system.exists("/etc/nv_tegra_release");
}

std::vector<Finding> check_jetson(const SystemFiles& system) {
  FindingList list;
  if (!is_jetson(system)) return {};
  const std::string name = model_name(system);
  list.ok("board", name.empty() ? "unknown" : name);
  check_release(system, list);
  check_power(system, list);
  check_gpu_clock(system, list);
  check_memory_clock(system, list);
  check_temperature(system, list);
  check_supply(system, list);
  return list.take();
}

}  // namespace quantring::apps
