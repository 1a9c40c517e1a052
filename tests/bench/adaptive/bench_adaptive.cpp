// The paper's experiment for real: a ring of two stages in network namespaces, its link shaped from
// phase to phase, under one policy after the other. Needs root. docs/QUANTPIPE.md has the figures.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "apps/report/text_file.h"
#include "engine/codec/codec_file.h"
#include "ops/base/error.h"
#include "tests/bench/adaptive/ring_run.h"
#include "tests/bench/adaptive/summary.h"
#include "tests/bench/adaptive/supervisor.h"
#include "tests/bench/adaptive/test_network.h"

using namespace quantring;
using namespace quantring::bench;

namespace {

// Of what the stages hold on a free link: what was late must be caught up beside what is due.
constexpr double margin = 0.78;

struct Command {
  std::string model, images, labels, folder, policy, program;
  double rate = 0;
  bool quick = false, draw = false;
};

std::vector<Run> runs_in(const std::string& folder, bool quick) {
  std::vector<Run> runs;
  for (const PolicyChoice& policy : policies()) {
    if (!has_run(folder, policy.name)) continue;
    Run run = read_run(folder, policy.name);
    if (run.quick == quick && !run.batches.empty()) runs.push_back(std::move(run));
  }
  return runs;
}

// One target for all runs of a folder, or they could not be compared.
double target_rate(const Command& command, const Setting& setting) {
  if (command.rate > 0) return command.rate;
  const auto runs = runs_in(command.folder, command.quick);
  if (!runs.empty()) return runs.front().rate;
  return margin * measure_rate(setting);
}

int run_policies(const Command& command) {
  try {
    TestNetwork::enter_head();
    const ModelFile model(command.model);
    const Photos photos = load_photos(command.images, command.labels, model);
    const Setting setting{command.program, command.model,  model,
                          photos,          command.folder, command.quick};
    const double rate = target_rate(command, setting);
    fmt::print("target {:.1f} images/s; the paper's 500 Mbit/s are {:.1f} Mbit/s here\n", rate,
               1e-6 * scaled_bps(500, rate,
                                 static_cast<std::uint64_t>(model.architecture().tokens()) *
                                     static_cast<std::uint64_t>(model.architecture().dim)));
    std::fflush(stdout);
    for (const PolicyChoice& policy : policies()) {
      if (!command.policy.empty() && policy.name != command.policy) continue;
      if (command.policy.empty() && policy.calibrated &&
          !std::filesystem::exists(codec_file_path(command.model))) {
        fmt::print("{}: left out, {} has no codec file\n", policy.name, command.model);
        continue;
      }
      write_run(command.folder, run_policy(setting, policy, rate));
    }
    return 0;
  } catch (const std::exception& error) {
    std::fputs(fmt::format("\nerror: {}\n", error.what()).c_str(), stderr);
    return 1;
  }
}

void draw(const Command& command) {
  const auto runs = runs_in(command.folder, command.quick);
  if (runs.empty()) throw Error(fmt::format("'{}' holds no runs", command.folder));
  const std::string text = summary_text(runs);
  fmt::print("\n{}", text);
  apps::write_text_file(command.folder + "/summary.md", text);
  apps::write_text_file(command.folder + "/adaptive.svg", apps::chart_svg(summary_chart(runs)));
  fmt::print("\n{0}/summary.md, {0}/adaptive.svg\n", command.folder);
}

int run(const Command& command) {
  if (!command.policy.empty()) policy_named(command.policy);
  std::filesystem::create_directories(command.folder);
  if (!command.draw) {
    if (command.model.empty() || command.images.empty()) {
      throw Error("add --model FILE and --images FOLDER (with --labels FILE)");
    }
    if (::geteuid() != 0) {
      throw Error(
          "this makes network namespaces and shapes a link in them: run it as root. Nothing "
          "outside those namespaces is changed");
    }
    const int status = in_test_network([&] { return run_policies(command); });
    if (status != 0) return status;
  }
  draw(command);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The paper's experiment: a ring whose link changes, under one policy after another");
  Command command;
  command.folder = "adaptive";
  command.program =
      (std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "quantring")
          .string();
  app.add_option("-m,--model", command.model, "Model file");
  app.add_option("-i,--images", command.images, "Pictures");
  app.add_option("-l,--labels", command.labels, "Their classes, as `quantring classify --labels`");
  app.add_option("-o,--out", command.folder, "Folder for CSV, table and picture")
      ->capture_default_str();
  app.add_option("--policy", command.policy, "Only this one; the others' runs in the folder stay");
  app.add_option("--rate", command.rate, "Target in images/s (default: the folder's, or measured)");
  app.add_flag("--quick", command.quick, "A tenth of the micro-batches, to see that it works");
  app.add_flag("--draw", command.draw, "Only table and picture, of the runs in the folder");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(command);
  } catch (const std::exception& error) {
    std::fputs(fmt::format("error: {}\n", error.what()).c_str(), stderr);
    return 1;
  }
}
