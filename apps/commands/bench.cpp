// `quantring bench`: speed, start-up time and memory of the forward pass on this machine.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands/commands.h"
#include "apps/options/compute_options.h"
#include "apps/options/model_options.h"
#include "apps/options/option_check.h"
#include "apps/report/report.h"
#include "engine/evaluation/stage_bench.h"
#include "engine/model/model_file.h"
#include "ops/base/json.h"
#include "ops/base/number_check.h"

namespace quantring::apps {
namespace {

struct BenchCommand {
  ModelOptions model;
  int batch = 1, threads = 1, stages = 1;
  double seconds = 3;
  ComputeOptions compute;
  bool json = false;
};

Architecture whole_architecture(const std::string& path) {
  const ModelFile model(path);
  require_whole_model(model, "bench");
  return model.architecture();
}

bool on_gpu(const StageBench& bench) {
  return bench.compute.device.kind == Device::Kind::cuda;
}

constexpr const char* schema = "quantring.bench/1";

nlohmann::ordered_json bench_json(const BenchCommand& command, const StageBench& bench) {
  return {{"device", device_text(bench.compute.device)},
          {"precision", precision_text(bench.compute.precision)},
          {"batch", command.batch},
          {"threads", command.threads},
          {"images_per_s", command.batch / bench.batch_s},
          {"median_ms", 1e3 * bench.batch_s},
          {"in_flight", bench.depth},
          {"alone_ms", 1e3 * bench.alone_s},
          {"runs", bench.runs},
          {"first_result_s", bench.first_result_s},
          {"weights_mb", bench.weights_mb},
          {"activations_mb", bench.activations_mb},
          {"resident_mb", bench.resident_mb},
          {"device_mb", bench.device_mb}};
}

void print_one(const BenchCommand& command, const Architecture& a, const StageBench& bench) {
  const double rate = command.batch / bench.batch_s;
  const double gflops = gflops_per_image(a) * rate;
  if (command.json) {
    nlohmann::ordered_json json = {{"schema", schema}};
    json.update(bench_json(command, bench));
    json["gflops"] = gflops;
    fmt::print("{}\n", json_text(json));
    return;
  }
  const bool gpu = on_gpu(bench);
  fmt::print("batch {} on {}: median {:.{}f} ms{}, {:.1f} images/s, {:.1f} {}FLOP/s\n",
             command.batch, compute_text(bench.compute), 1e3 * bench.batch_s, gpu ? 3 : 2,
             bench.depth == 1 ? ""
                              : fmt::format(" with {} in flight ({:.3f} ms alone)", bench.depth,
                                            1e3 * bench.alone_s),
             rate, gpu ? gflops / 1000 : gflops, gpu ? "T" : "G");
  fmt::print("first result after {:.2f} s, {:.0f} MB in RAM{} ({} runs)\n", bench.first_result_s,
             bench.resident_mb, gpu ? fmt::format(", {:.0f} MB on the GPU", bench.device_mb) : "",
             bench.runs);
}

void print_stages(const BenchCommand& command, const std::vector<StageRange>& ranges,
                  const std::vector<StageBench>& benches) {
  const bool gpu = on_gpu(benches[0]);
  std::vector<std::vector<std::string>> rows = {
      {"stage", "part", "ms/batch", "images/s", "weights MB", "activations MB", "MB in RAM"}};
  if (gpu) rows[0].push_back("MB on the GPU");
  auto json = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < benches.size(); ++i) {
    const StageBench& b = benches[i];
    rows.push_back({fmt::format("{}", i), range_text(ranges[i]),
                    fmt::format("{:.{}f}", 1e3 * b.batch_s, gpu ? 3 : 2),
                    fmt::format("{:.1f}", command.batch / b.batch_s),
                    fmt::format("{:.1f}", b.weights_mb), fmt::format("{:.1f}", b.activations_mb),
                    fmt::format("{:.1f}", b.resident_mb)});
    if (gpu) rows.back().push_back(fmt::format("{:.1f}", b.device_mb));
    nlohmann::ordered_json entry = {{"stage", i}, {"part", range_text(ranges[i])}};
    entry.update(bench_json(command, b));
    json.push_back(std::move(entry));
  }
  if (command.json) {
    const nlohmann::ordered_json whole = {{"schema", schema}, {"stages", std::move(json)}};
    fmt::print("{}\n", json_text(whole, 2));
  } else {
    fmt::print("batch {} on {}\n{}", command.batch, compute_text(benches[0].compute), table(rows));
  }
}

void run_bench(const BenchCommand& command) {
  const ChosenModel chosen(command.model);
  const Architecture architecture = whole_architecture(chosen.path());
  const auto ranges =
      check_option("--stages", [&] { return split_evenly(architecture, command.stages); });
  std::vector<StageBench> benches;
  StageBenchPlan plan{chosen.path(),
                      {},
                      command.batch,
                      [&] { return choose_compute(command.compute, command.threads); },
                      command.seconds};
  for (const StageRange range : ranges) {
    plan.range = range;
    benches.push_back(bench_stage(plan));
    // The choice is made, and its message printed, once.
    plan.compute = [compute = benches[0].compute] { return compute; };
  }
  if (command.stages == 1) {
    print_one(command, architecture, benches[0]);
  } else {
    print_stages(command, ranges, benches);
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  auto* sub =
      app.add_subcommand("bench", "Measure the forward pass: median time of a batch, and memory");
  auto command = std::make_shared<BenchCommand>();
  add_model_options(*sub, command->model);
  sub->add_option("-b,--batch", command->batch, "Images per batch")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("-t,--threads", command->threads, "CPU threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  add_compute_options(*sub, command->compute);
  sub->add_option("-s,--stages", command->stages,
                  "Cut the model into stages and measure each alone")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  sub->add_option("--seconds", command->seconds, "Seconds to measure each stage")
      ->check(positive)
      ->capture_default_str();
  sub->add_flag("--json", command->json, "JSON instead of text");
  sub->footer(
      "Examples:\n"
      "  quantring bench --model-shape vit_base --batch 8\n"
      "  quantring bench --model-shape vit_base --batch 32 --device cuda --precision f16\n"
      "  quantring bench --model models/fashion_mnist_vit.safetensors --stages 3");
  sub->callback([command] { run_bench(*command); });
}

}  // namespace quantring::apps
