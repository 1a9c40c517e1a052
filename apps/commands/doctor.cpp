// `quantring doctor`: checks this machine, a model file and a ring, and prints remedies.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "apps/commands/commands.h"
#include "apps/doctor/checks.h"
#include "ops/base/error.h"
#include "ops/base/password.h"
#include "ops/cpu/kernels.h"

namespace quantring::apps {
namespace {

struct DoctorCommand {
  std::string model, ring;
  bool json = false;
};

// Not fmt::print: it throws when stderr is closed.
void print_progress(const std::string& line) {
  std::fputs((line + "\n").c_str(), stderr);
}

RingProbeRequest probe_request(const RingConfig& ring) {
  RingProbeRequest request;
  for (const RingConfig::Stage& stage : ring.stages) request.addresses.push_back(stage.address);
  request.listen = ring.listen;
  request.advertise = ring.advertise;
  request.link_mbps = ring.link_mbps;
  return request;
}

// Whether to try the whole ring. A node that is unreachable from here may be reachable from the
// stage before it, except for the first.
bool can_probe_ring(const std::vector<NodeProbe>& nodes) {
  using State = NodeProbe::State;
  return nodes.front().state != State::unreachable &&
         std::all_of(nodes.begin(), nodes.end(), [](const NodeProbe& each) {
           return each.state == State::answers || each.state == State::no_way_back ||
                  each.state == State::unreachable;
         });
}

void examine_ring(const RingConfig& ring, const ModelFile* model, std::vector<Section>& sections) {
  const RingProbeRequest request = probe_request(ring);
  print_progress(fmt::format("asking {} node{} ...", request.addresses.size(),
                             request.addresses.size() == 1 ? "" : "s"));
  const std::vector<NodeProbe> nodes = probe_nodes(request);
  std::optional<WholeRingProbe> whole;
  if (can_probe_ring(nodes)) {
    print_progress("measuring the links ...");
    whole = probe_ring(request);
  }
  sections.push_back({"Ring", check_nodes(ring, model, nodes, whole ? &*whole : nullptr)});
  if (whole) sections.push_back({"Links", check_links(ring, *whole)});
}

std::vector<Section> examine(const DoctorCommand& command) {
  const SystemFiles system;
  std::vector<Section> sections;
  std::optional<RingConfig> ring;
  Section ring_file{"Ring file", {}};
  if (!command.ring.empty()) {
    try {
      ring = read_ring_config(command.ring);
    } catch (const Error& error) {
      ring_file.findings.push_back({Severity::problem, "ring file", error.what(),
                                    "README.md has an example under \"Several devices\""});
    }
  }
  const std::string path = command.model.empty() && ring ? ring->model : command.model;
  std::optional<ModelFile> model;
  Section model_file{"Model", {}};
  if (!path.empty()) model_file.findings = check_model(path, model);

  const std::uint64_t need =
      model ? weight_bytes(model->architecture(), model->part()) : std::uint64_t{0};
  sections.push_back({"Processor", check_cpu(system, cpu::kernels().name)});
  sections.push_back({"Memory", check_memory(system, ring ? 0 : need)});
  sections.push_back({"GPU", check_gpu(system)});
  sections.push_back({"Jetson", check_jetson(system)});
  sections.push_back(
      {"Cameras", check_cameras(system, list_v4l2_cameras(), find_camera_programs())});
  sections.push_back(std::move(model_file));
  sections.push_back(std::move(ring_file));
  if (ring) examine_ring(*ring, model ? &*model : nullptr, sections);
  return sections;
}

void run_doctor(const DoctorCommand& command) {
  const std::vector<Section> sections = examine(command);
  const std::string text =
      without_uri_passwords(command.json ? findings_json(sections)
                                         : findings_text(sections, ::isatty(STDOUT_FILENO) == 1));
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (any_problem(sections)) throw Error("problems were found, see above");
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto* sub = app.add_subcommand(
      "doctor", "Check this machine, a model file and a ring, and print what to do about problems");
  auto command = std::make_shared<DoctorCommand>();
  sub->add_option("-m,--model", command->model,
                  "Model file, checked completely (default: the one in the ring file)");
  sub->add_option(
      "--ring", command->ring,
      "Ring file: checks version, model, memory and round trip of every node, and measures every "
      "link with test frames for 2 to 5 s");
  sub->add_flag("--json", command->json, "JSON instead of text");
  sub->footer(
      "Checks processor, memory, GPU and CUDA libraries, cameras, and on a Jetson power mode, "
      "clocks and temperature.\n"
      "Each line starts with ok, note, warning or problem; the remedy is on the line below.\n"
      "Exit status: 0 without problems (warnings do not count), 1 with problems, 2 for wrong "
      "options.\n"
      "The ring must be idle: nodes that work for another head are reported and not disturbed.\n"
      "Examples:\n"
      "  quantring doctor\n"
      "  quantring doctor --model model.safetensors\n"
      "  quantring doctor --ring ring.toml --json");
  sub->callback([command] { run_doctor(*command); });
}

}  // namespace quantring::apps
