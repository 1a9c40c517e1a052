#include "apps/commands/compute_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "ops/base/error.h"

namespace quantring::apps {
namespace {

Precision parse_precision(const std::string& text, Device device) {
  const bool cpu = device.kind == Device::Kind::cpu;
  if (text == "auto") return cpu ? Precision::f32 : Precision::f16;
  for (const Precision precision : {Precision::f32, Precision::f16, Precision::bf16}) {
    if (text != precision_text(precision)) continue;
    if (cpu && precision != Precision::f32) {
      throw Error(fmt::format("--precision {}: the CPU computes in f32 only", text));
    }
    return precision;
  }
  throw Error(fmt::format("--precision {}: auto, f32, f16 and bf16 are known", text));
}

}  // namespace

void add_compute_options(CLI::App& command, ComputeOptions& options, CLI::Option* other) {
  auto* device =
      command
          .add_option("-d,--device", options.device,
                      "Where to compute: auto (a GPU if there is one), cpu, cuda, cuda:N")
          ->capture_default_str();
  auto* precision =
      command
          .add_option("--precision", options.precision,
                      "Of weights and activations: auto (f16 on a GPU), f32, f16 or bf16")
          ->capture_default_str();
  if (other == nullptr) return;
  device->excludes(other);
  precision->excludes(other);
}

ContextOptions choose_compute(const ComputeOptions& options, int threads) {
  const DeviceChoice choice = choose_device(options.device);
  // Not fmt::print: it throws when stderr is closed.
  if (!choice.note.empty()) std::fputs((choice.note + "\n").c_str(), stderr);
  ContextOptions compute;
  compute.device = choice.device;
  compute.precision = parse_precision(options.precision, choice.device);
  compute.threads = choice.device.kind == Device::Kind::cpu ? threads : 1;
  return compute;
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

void say_compute(const ContextOptions& compute, int stages) {
  const std::string who =
      stages == 0 ? "computing" : fmt::format("{} node process{}", stages, stages == 1 ? "" : "es");
  std::fputs(fmt::format("{} on {}\n", who, compute_text(compute)).c_str(), stderr);
}

}  // namespace quantring::apps
