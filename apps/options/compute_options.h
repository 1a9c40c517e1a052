#pragma once
// --device and --precision: where a command computes, and in what numbers.

#include <string>

#include "apps/session/compute.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace quantring::apps {

struct ComputeOptions {
  std::string device = "auto", precision = "auto";  // as given
};

// Adds both options; excludes `other`, if there is one.
void add_compute_options(CLI::App& command, ComputeOptions& options, CLI::Option* other = nullptr);

// Resolves them for this machine. A device that auto passes over is reported on stderr, in one
// line. threads: of the CPU; unused by a GPU. Throws Error for what this machine cannot do.
ContextOptions choose_compute(const ComputeOptions& options, int threads);

// Prints on stderr where this process computes, or, with stages, where its node processes do.
void print_compute(const ContextOptions& compute, int stages);

}  // namespace quantring::apps
