#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "apps/doctor/checks.h"
#include "apps/doctor/power_mode.h"
#include "apps/doctor/text.h"

namespace quantring::apps {
namespace {

constexpr double hot_celsius = 85;  // Orin throttles from 99, and NVIDIA's fan profiles end near 85

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
    return list.note("release", "/etc/nv_tegra_release tells none (a container?)");
  }
  const std::string found =
      fmt::format("L4T {}.{} ({})", release.major, release.revision, jetpack(release));
  const bool cuda_12_6 = release.major > 36 || (release.major == 36 && release.revision >= "4");
  if (cuda_12_6) return list.ok("release", found);
  list.warning("release", found + ": its CUDA is older than 12.6, which the GPU's code needs",
               "flash JetPack 6.1 or newer, or compute on the CPU with the static program");
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
               fmt::format("sudo nvpmodel -m {} ({}); needs a power supply and cooling for it",
                           modes.best->id, modes.best->name));
}

// Of the kernel's list of devices whose clocks change: "17000000.gpu" on Orin, "17000000.gv11b" on
// Xavier, "gpu-gpc-0" on Thor.
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
  if (folder.empty()) return list.note("GPU clock", "the kernel tells none");
  const auto hertz = [&](const char* name) {
    return static_cast<double>(system.number(folder + name).value_or(0));
  };
  const double now = hertz("cur_freq"), least = hertz("min_freq"), most = hertz("max_freq");
  const std::string found =
      fmt::format("{} now, {} to {}, governor {}", megahertz(now), megahertz(least),
                  megahertz(most), system.text(folder + "governor").value_or("unknown"));
  if (least < most) {
    return list.note(
        "GPU clock", found + ": rises with load only",
        "sudo jetson_clocks holds all clocks at the power mode's most, until a restart");
  }
  list.ok("GPU clock", found);
}

// Only root may look.
void check_memory_clock(const SystemFiles& system, FindingList& list) {
  const std::string folder = "/sys/kernel/debug/bpmp/debug/clk/emc/";
  const auto now = system.number(folder + "rate"), most = system.number(folder + "max_rate");
  if (!now || !most) return;
  list.ok("memory clock", fmt::format("{} now, {} at most", megahertz(static_cast<double>(*now)),
                                      megahertz(static_cast<double>(*most))));
}

void check_heat(const SystemFiles& system, FindingList& list) {
  const std::string folder = "/sys/class/thermal/";
  std::vector<std::string> zones, throttled;
  double hottest = 0;
  for (const std::string& name : system.names(folder)) {
    std::string type = system.text(folder + name + "/type").value_or("");
    if (name.starts_with("thermal_zone")) {
      // A zone whose unit is switched off cannot be read.
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
  if (zones.empty()) return list.note("heat", "the kernel tells no temperature");
  const std::string found = fmt::format("{} °C", fmt::join(zones, ", "));
  const char* cool =
      "more air: look at the fan (sudo systemctl status nvfancontrol) and the heat "
      "sink, or take a power mode with fewer watts";
  if (!throttled.empty()) {
    return list.warning(
        "heat", fmt::format("{}; too hot, slowed down now: {}", found, fmt::join(throttled, ", ")),
        cool);
  }
  if (hottest >= hot_celsius) return list.warning("heat", found + ": close to slowing down", cool);
  list.ok("heat", found);
}

// Orin's own count since the start: oc1 too little voltage, oc2 and oc3 too much current, on
// average and for a moment. Each slows the machine down for a short time.
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
  if (events == 0) return list.ok("power supply", "never too weak since the start");
  list.warning("power supply",
               fmt::format("too weak {} time{} since the start; each slowed the machine down",
                           events, events == 1 ? "" : "s"),
               "a stronger power supply and a short cable, or a power mode with fewer watts");
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
  check_heat(system, list);
  check_supply(system, list);
  return list.take();
}

}  // namespace quantring::apps
