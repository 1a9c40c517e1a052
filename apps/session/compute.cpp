#include "apps/session/compute.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "ops/base/error.h"

namespace quantring {

Precision parse_precision(const std::string& text, Device device) {
  const bool cpu = device.kind == Device::Kind::cpu;
  if (text == "auto") return cpu ? Precision::f32 : Precision::f16;
  for (const Precision precision : {Precision::f32, Precision::f16, Precision::bf16}) {
    if (text != precision_text(precision)) continue;
    if (cpu && precision != Precision::f32) {
      throw Error("the CPU computes in f32 only");
    }
    return precision;
  }
  throw Error("auto, f32, f16 and bf16 are known");
}

ComputeChoice choose_compute(const std::string& device, const std::string& precision, int threads) {
  const DeviceChoice chosen = choose_device(device);
  ComputeChoice choice{{}, chosen.note};
  choice.options.device = chosen.device;
  try {
    choice.options.precision = parse_precision(precision, chosen.device);
  } catch (const Error& error) {
    throw Error(fmt::format("precision {}: {}", precision, error.what()));
  }
  choice.options.threads = chosen.device.kind == Device::Kind::cpu ? threads : 1;
  return choice;
}

int hardware_threads() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::string compute_text(const ContextOptions& compute) {
  const std::string precision = precision_text(compute.precision);
  if (compute.device.kind == Device::Kind::cpu) {
    return fmt::format("cpu, {}, {} thread{}", precision, compute.threads,
                       compute.threads == 1 ? "" : "s");
  }
  return fmt::format("{} ({}), {}", device_text(compute.device), device_name(compute.device),
                     precision);
}

}  // namespace quantring
