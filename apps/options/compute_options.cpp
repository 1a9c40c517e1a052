#include "apps/options/compute_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "ops/base/error.h"

namespace quantring::apps {

void add_compute_options(CLI::App& command, ComputeOptions& options, CLI::Option* other) {
  auto* device =
      command
          .add_option("-d,--device", options.device,
                      "Where to compute: auto (a GPU if there is one), cpu, cuda, cuda:N")
          ->type_name("{auto,cpu,cuda}")
          ->capture_default_str();
  auto* precision =
      command
          .add_option("--precision", options.precision,
                      "Of weights and activations: auto (f16 on a GPU), f32, f16 or bf16")
          ->type_name("{auto,f32,f16,bf16}")
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
  try {
    compute.precision = parse_precision(options.precision, choice.device);
  } catch (const Error& error) {
    throw OptionError(fmt::format("--precision {}: {}", options.precision, error.what()));
  }
  compute.threads = choice.device.kind == Device::Kind::cpu ? threads : 1;
  return compute;
}

void print_compute(const ContextOptions& compute, int stages) {
  const std::string who =
      stages == 0 ? "computing" : fmt::format("{} node process{}", stages, stages == 1 ? "" : "es");
  std::fputs(fmt::format("{} on {}\n", who, compute_text(compute)).c_str(), stderr);
}

}  // namespace quantring::apps
