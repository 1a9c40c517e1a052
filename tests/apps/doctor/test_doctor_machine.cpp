// Findings about other machines, from files as real ones have them.

#include <doctest/doctest.h>

#include "apps/doctor/checks.h"
#include "apps/doctor/machine/library_finder.h"
#include "apps/doctor/machine/memory_info.h"
#include "apps/doctor/machine/power_mode.h"
#include "ops/base/error.h"
#include "ops/device.h"
#include "tests/apps/commands/programs.h"
#include "tests/apps/doctor/doctor_fixture.h"

using namespace quantring;
using namespace quantring::apps;
using namespace quantring::test;

TEST_CASE("a freshly flashed Orin Nano: a faster power mode exists, clocks are low") {
  const Machine machine(orin_nano());
  const auto found = check_jetson(machine.files());
  CHECK(the(found, "board").found ==
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super");
  CHECK(the(found, "release").found == "L4T 36.4.3 (JetPack 6.2)");
  const Finding power = the(found, "power mode");
  CHECK(power.severity == Severity::warning);
  CHECK(contains(power.found, "15W (mode 0) of 15W, 25W, MAXN_SUPER, 7W"));
  CHECK(contains(power.remedy, "sudo nvpmodel -m 2 "));  // the fastest is not the first here
  const Finding clock = the(found, "GPU clock");
  CHECK(clock.severity == Severity::note);
  CHECK(contains(clock.found, "306 MHz now, 306 MHz to 625 MHz, governor nvhost_podgov"));
  CHECK(contains(clock.remedy, "sudo jetson_clocks"));
  CHECK(the(found, "temperature").severity == Severity::ok);
  CHECK(the(found, "temperature").found == "cpu 47, gpu 46 °C");
  CHECK(the(found, "power supply").severity == Severity::ok);
  CHECK(the(found, "memory clock").found.empty());  // readable by root only
  CHECK(count(found, Severity::warning) == 1);
  CHECK(count(found, Severity::problem) == 0);
}

TEST_CASE("an Orin at full speed: nothing to do") {
  Machine machine(orin_nano());
  machine.write("/var/lib/nvpmodel/status", "pmode:0002");
  machine.write("/sys/class/devfreq/17000000.gpu/min_freq", "1020000000");
  machine.write("/sys/class/devfreq/17000000.gpu/max_freq", "1020000000");
  machine.write("/sys/kernel/debug/bpmp/debug/clk/emc/rate", "3199000000");
  machine.write("/sys/kernel/debug/bpmp/debug/clk/emc/max_rate", "3199000000");
  const auto found = check_jetson(machine.files());
  CHECK(count(found, Severity::ok) == static_cast<int>(found.size()));
  CHECK(contains(the(found, "memory clock").found, "3199 MHz now"));
}

TEST_CASE("an Orin that is hot, has a weak supply and an old release") {
  Machine machine(orin_nano());
  machine.write("/sys/class/thermal/thermal_zone1/temp", "99500");
  machine.write("/sys/class/thermal/cooling_device1/cur_state", "1");
  machine.write("/sys/class/hwmon/hwmon3/oc1_event_cnt", "4");
  machine.write("/sys/class/hwmon/hwmon3/oc3_event_cnt", "27");
  machine.write("/etc/nv_tegra_release", "# R35 (release), REVISION: 4.1, GCID: 33958178");
  const auto found = check_jetson(machine.files());
  CHECK(the(found, "temperature").severity == Severity::warning);
  CHECK(contains(the(found, "temperature").found, "throttled now: gpu"));
  CHECK(contains(the(found, "temperature").remedy, "fan"));
  CHECK(the(found, "power supply").severity == Severity::warning);
  CHECK(contains(the(found, "power supply").found, "too weak 31 times"));
  CHECK(the(found, "release").severity == Severity::warning);
  CHECK(contains(the(found, "release").found, "L4T 35.4.1 (JetPack 5)"));
  CHECK(contains(the(found, "release").remedy, "JetPack 6.1 or newer"));
  machine.write("/sys/class/thermal/cooling_device1/cur_state", "0");
  CHECK(contains(the(check_jetson(machine.files()), "temperature").found, "close to throttling"));
}

TEST_CASE("JetPack versions") {
  Machine machine(orin_nano());
  const auto release = [&](const std::string& text) {
    machine.write("/etc/nv_tegra_release", text);
    return the(check_jetson(machine.files()), "release");
  };
  CHECK(release("# R36 (release), REVISION: 3.0, GCID: 1").found ==
        "L4T 36.3.0 (JetPack 6.0): its CUDA is older than 12.6, which the GPU code needs");
  CHECK(release("# R36 (release), REVISION: 4.0, GCID: 1").found == "L4T 36.4.0 (JetPack 6.1)");
  CHECK(release("# R36 (release), REVISION: 4.4, GCID: 1").found == "L4T 36.4.4 (JetPack 6.2.1)");
  CHECK(contains(release("# R38 (release), REVISION: 2.0, GCID: 1").found, "JetPack 7"));
  CHECK(release("nonsense").severity == Severity::note);
}

TEST_CASE("power modes: the fastest by name, the current one by status or default") {
  Machine machine(
      Machine::Files{{"/etc/nvpmodel.conf",
                      "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=1 NAME=MODE_15W >\n"
                      "< POWER_MODEL ID=3 NAME=50W >\n< PM_CONFIG DEFAULT=3 >"}});
  PowerModes modes = read_power_modes(machine.files());
  REQUIRE(modes.now);
  CHECK(modes.now->name == "50W");
  CHECK(modes.best->id == 0);
  machine.write("/var/lib/nvpmodel/status", "pmode:0007");  // not in the file
  CHECK(read_power_modes(machine.files()).now->id == 7);
  machine.write("/etc/nvpmodel.conf",
                "< POWER_MODEL ID=4 NAME=10W_2CORE >\n"
                "< POWER_MODEL ID=8 NAME=20W_6CORE >\n<");
  CHECK(read_power_modes(machine.files()).best->id == 8);
  CHECK(!read_power_modes(Machine().files()).now);
}

TEST_CASE("no Jetson findings on other machines") {
  CHECK(check_jetson(Machine().files()).empty());
}

TEST_CASE("processors: x86 with and without AVX2, an Orin with offline cores") {
  Machine machine({{"/proc/cpuinfo",
                    "processor\t: 0\nmodel name\t: Intel(R) Core(TM) i5-8250U\n"
                    "flags\t\t: fpu sse2 avx2 fma f16c\n\nprocessor\t: 1"},
                   {"/sys/devices/system/cpu/online", "0-7"},
                   {"/sys/devices/system/cpu/present", "0-7"},
                   {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave"},
                   {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "intel_pstate"},
                   {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1800000"},
                   {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "3400000"},
                   {"/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3400000"}});
  auto found = check_cpu(machine.files(), "avx2");
  CHECK(the(found, "processor").found == "Intel(R) Core(TM) i5-8250U, 8 cores");
  CHECK(the(found, "instructions").found == "kernels: avx2; the CPU has sse2, avx2, fma, f16c");
  CHECK(the(found, "clocks").found ==
        "1800 MHz now, 3400 MHz allowed, 3400 MHz possible; governor powersave");
  CHECK(count(found, Severity::ok) == 3);

  found = check_cpu(machine.files(), "baseline");
  CHECK(the(found, "instructions").severity == Severity::warning);
  CHECK(contains(the(found, "instructions").remedy, "AVX2"));

  machine.write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "acpi-cpufreq");
  CHECK(the(check_cpu(machine.files(), "avx2"), "clocks").severity == Severity::warning);

  machine.write("/proc/cpuinfo",
                "processor\t: 0\nBogoMIPS\t: 62.50\nFeatures\t: fp asimd\n"
                "CPU implementer\t: 0x41\nCPU part\t: 0xd42");
  machine.write("/sys/devices/system/cpu/online", "0-2,5");
  machine.write("/sys/devices/system/cpu/present", "0-5");
  machine.write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil");
  machine.write("/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1510400");
  machine.write("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1728000");
  found = check_cpu(machine.files(), "baseline");
  CHECK(the(found, "processor").severity == Severity::note);
  CHECK(the(found, "processor").found == "ARM Cortex-A78AE, 4 cores, 2 more are offline");
  CHECK(the(found, "instructions").severity == Severity::ok);
  CHECK(contains(the(found, "clocks").remedy, "power mode"));
}

TEST_CASE("memory: enough, low, swapped out, and a model that does not fit") {
  Machine machine(
      {{"/proc/meminfo",
        "MemTotal:        7802628 kB\nMemFree:          200000 kB\n"
        "MemAvailable:    5000000 kB\nSwapTotal:       3901312 kB\n"
        "SwapFree:        3901312 kB"},
       {"/proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 5"}});
  const MemoryInfo memory = read_memory_info(machine.files());
  CHECK(memory.total_bytes == 7802628ull * 1024);
  CHECK(memory.available_bytes == 5000000ull * 1024);
  CHECK(memory.zram);
  auto found = check_memory(machine.files(), 4'000'000'000);
  CHECK(count(found, Severity::ok) == 3);
  CHECK(the(found, "memory").found == "5.1 GB of 8.0 GB available");
  CHECK(contains(the(found, "swap").found, "zram"));
  found = check_memory(machine.files(), 5'000'000'000);
  CHECK(the(found, "model").severity == Severity::warning);
  CHECK(contains(the(found, "model").remedy, "ring"));

  machine.write("/proc/meminfo",
                "MemTotal:        7802628 kB\nMemAvailable:     500000 kB\n"
                "SwapTotal:       4000000 kB\nSwapFree:         2000000 kB");
  found = check_memory(machine.files(), 0);
  CHECK(the(found, "memory").severity == Severity::warning);
  CHECK(the(found, "swap").severity == Severity::warning);
  CHECK(found.size() == 2);
}

TEST_CASE("CUDA libraries: found with version, or missing with the package to install") {
  Machine machine(orin_nano());
  const std::string folder = "/usr/lib/aarch64-linux-gnu/nvidia/";
  machine.write(folder + "libcuda.so.1.1", "");
  machine.link(folder + "libcuda.so.1", "libcuda.so.1.1");
  machine.write("/etc/ld.so.conf.d/000_cuda.conf",
                "# CUDA\n/usr/local/cuda/targets/aarch64-linux/lib");
  const std::string cuda = "/usr/local/cuda/targets/aarch64-linux/lib/";
  machine.write(cuda + "libcublas.so.12.6.1.4", "");
  machine.link(cuda + "libcublas.so.12", "libcublas.so.12.6.1.4");
  const auto found = check_gpu(machine.files());
  CHECK(the(found, "driver").severity == Severity::ok);
  CHECK(contains(the(found, "driver").found, folder + "libcuda.so.1.1"));
  CHECK(the(found, "cuBLAS").found ==
        "12.6.1.4 (" + cuda + "libcublas.so.12.6.1.4), not used by QuantRing");
  CHECK(the(found, "cuBLASLt").severity == Severity::warning);
  CHECK(the(found, "cuBLASLt").remedy == "sudo apt install libcublas-12-6");
  CHECK(the(found, "cuDNN").severity == Severity::note);

  const auto without = check_gpu(Machine(orin_nano()).files());
  CHECK(the(without, "driver").severity == Severity::problem);
  CHECK(contains(the(without, "driver").remedy, "nvidia-l4t-cuda"));
}

TEST_CASE("GPUs: a PCI card that cannot be used, and none") {
  try {
    choose_device("cuda:0");
    return;  // this machine has a usable one
  } catch (const Error&) {
  }
  const auto none = check_gpu(Machine().files());
  REQUIRE(none.size() == 1);
  CHECK(none[0].severity == Severity::note);
  const Machine machine({{"/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de"},
                         {"/sys/bus/pci/devices/0000:01:00.0/class", "0x030200"}});
  const auto card = check_gpu(machine.files());
  CHECK(the(card, "device").severity == Severity::warning);
  CHECK(!the(card, "device").remedy.empty());
  CHECK(the(card, "driver").severity == Severity::warning);
  const Machine sound({{"/sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de"},
                       {"/sys/bus/pci/devices/0000:01:00.1/class", "0x040300"}});
  CHECK(check_gpu(sound.files()).size() == 1);
}

TEST_CASE("cameras: readable and other formats, and no permission") {
  const Machine machine, jetson(orin_nano());
  V4l2Info webcam{"/dev/video0", "HD Pro Webcam C920", "uvcvideo", true, {}, ""};
  webcam.formats = {{"MJPG", true, {{1920, 1080, {30, 24}}, {640, 480, {30}}}},
                    {"H264", false, {}}};
  V4l2Info metadata = webcam, sensor = webcam, closed = webcam;
  metadata.path = "/dev/video1";
  metadata.camera = false;
  sensor.path = "/dev/video2";
  sensor.formats = {{"RG10", false, {{3280, 2464, {}}}}};
  closed.path = "/dev/video3";
  closed.error = "permission denied: sudo usermod -aG video $USER";
  const auto found = check_cameras(machine.files(), {webcam, metadata, sensor, closed}, {});
  CHECK(the(found, "/dev/video0").severity == Severity::ok);
  CHECK(the(found, "/dev/video0").found ==
        "HD Pro Webcam C920 (uvcvideo): MJPG 1920x1080 30/s to 640x480 30/s");
  CHECK(the(found, "/dev/video1").found.empty());
  CHECK(contains(the(found, "/dev/video2").found, "only RG10 3280x2464"));
  CHECK(contains(the(found, "/dev/video2").remedy, "csi://0"));
  CHECK(the(found, "/dev/video3").severity == Severity::warning);
  CHECK(the(found, "/dev/video3").remedy == closed.error);
  CHECK(the(found, "rtsp, videos").severity == Severity::note);
  CHECK(contains(the(found, "rtsp, videos").remedy, "apt install"));

  const auto none = check_cameras(jetson.files(), {}, {true, false, true});
  CHECK(the(none, "cameras").severity == Severity::note);
  CHECK(contains(the(none, "csi://").remedy, "nvargus-daemon"));
  CHECK(contains(the(check_cameras(jetson.files(), {}, {true, false, false}), "csi://").remedy,
                 "nvidia-l4t-gstreamer"));
  CHECK(
      contains(the(check_cameras(jetson.files(), {}, {}), "csi://").remedy, "gstreamer1.0-tools"));
  CHECK(the(none, "rtsp, videos").severity == Severity::ok);
}
