#pragma once
// A folder used as the root of a machine's file system, and helpers for findings.

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/doctor/findings.h"
#include "apps/doctor/machine/system_files.h"
#include "engine/model/model_file.h"
#include "tests/apps/commands/programs.h"
#include "tests/support/golden.h"

namespace quantring::test {

class Machine {
 public:
  using Files = std::vector<std::pair<std::string, std::string>>;

  explicit Machine(const Files& files = {}) {
    for (const auto& [path, text] : files) write(path, text);
  }
  void write(const std::string& path, const std::string& text) {
    const auto file = folder_.path() / std::filesystem::path(path).relative_path();
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text << "\n";
  }
  void link(const std::string& path, const std::string& target) {
    const auto file = folder_.path() / std::filesystem::path(path).relative_path();
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::create_symlink(target, file);
  }
  apps::SystemFiles files() const { return apps::SystemFiles(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

// The files of an Orin Nano developer kit with JetPack 6.2, freshly flashed.
inline Machine::Files orin_nano() {
  return {
      {"/proc/device-tree/model",
       std::string("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0", 66)},
      {"/etc/nv_tegra_release",
       "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed "
       "Jan  8 01:49:37 UTC 2025"},
      {"/etc/nvpmodel.conf",
       "# a comment that names < POWER_MODEL ID=9 NAME=NONE >\n"
       "< PARAM TYPE=FILE NAME=CPU_ONLINE >\nCORE_0 /sys/devices/system/cpu/cpu0/online\n"
       "< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=1 NAME=25W >\n"
       "< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n< POWER_MODEL ID=3 NAME=7W >\n"
       "< PM_CONFIG DEFAULT=1 >"},
      {"/var/lib/nvpmodel/status", "pmode:0000"},
      {"/sys/class/devfreq/17000000.gpu/cur_freq", "306000000"},
      {"/sys/class/devfreq/17000000.gpu/min_freq", "306000000"},
      {"/sys/class/devfreq/17000000.gpu/max_freq", "624750000"},
      {"/sys/class/devfreq/17000000.gpu/governor", "nvhost_podgov"},
      {"/sys/class/devfreq/15340000.vic/cur_freq", "115200000"},
      {"/sys/class/thermal/thermal_zone0/type", "cpu-thermal"},
      {"/sys/class/thermal/thermal_zone0/temp", "47281"},
      {"/sys/class/thermal/thermal_zone1/type", "gpu-thermal"},
      {"/sys/class/thermal/thermal_zone1/temp", "46468"},
      {"/sys/class/thermal/thermal_zone2/type", "cv0-thermal"},  // powered off: not a number
      {"/sys/class/thermal/thermal_zone2/temp", ""},
      {"/sys/class/thermal/cooling_device0/type", "pwm-fan"},
      {"/sys/class/thermal/cooling_device0/cur_state", "2"},
      {"/sys/class/thermal/cooling_device1/type", "gpu-throttle-alert"},
      {"/sys/class/thermal/cooling_device1/cur_state", "0"},
      {"/sys/class/hwmon/hwmon1/name", "ina3221"},
      {"/sys/class/hwmon/hwmon3/name", "soctherm_oc"},
      {"/sys/class/hwmon/hwmon3/oc1_event_cnt", "0"},
      {"/sys/class/hwmon/hwmon3/oc2_event_cnt", "0"},
      {"/sys/class/hwmon/hwmon3/oc3_event_cnt", "0"},
  };
}

struct TinyModel {
  TemporaryFolder folder;
  std::string path = (folder / "tiny.safetensors").string();
  std::optional<ModelFile> file;
  TinyModel() {
    write_tiny_model(path);
    file.emplace(path);
  }
};

// The finding with this subject; empty unless there is exactly one.
inline apps::Finding the(const std::vector<apps::Finding>& findings, const std::string& subject) {
  std::vector<apps::Finding> found;
  std::copy_if(findings.begin(), findings.end(), std::back_inserter(found),
               [&](const apps::Finding& each) { return each.subject == subject; });
  return found.size() == 1 ? found.front() : apps::Finding{};
}

inline int count(const std::vector<apps::Finding>& findings, apps::Severity severity) {
  return static_cast<int>(
      std::count_if(findings.begin(), findings.end(),
                    [=](const apps::Finding& each) { return each.severity == severity; }));
}

}  // namespace quantring::test
