// `quantring bench`: how fast the forward pass is on this machine, and what memory it takes.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands.h"
#include "apps/report.h"
#include "apps/stage_bench.h"
#include "engine/model_file.h"
#include "engine/random_model.h"
#include "ops/error.h"

namespace quantring::apps {
namespace {

struct BenchCommand {
  std::string model, shape;
  int batch = 1, threads = 1, stages = 1;
  double seconds = 3;
  bool json = false;
};

// A file without a name, so that nothing is left however this process ends. Its path works here and
// in forked children.
class TemporaryFile {
 public:
  explicit TemporaryFile(const Architecture& architecture) {
    const auto name = std::filesystem::temp_directory_path() /
                      fmt::format("quantring-bench-{}.safetensors", ::getpid());
    write_random_model(name, architecture, StorageType::f32, 1);
    descriptor_ = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    ::unlink(name.c_str());
    if (descriptor_ < 0) throw Error(fmt::format("cannot open '{}'", name.string()));
  }
  ~TemporaryFile() { ::close(descriptor_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_ = -1;
};

Architecture whole_architecture(const std::string& path) {
  const ModelFile model(path);
  if (!model.whole()) {
    throw Error(fmt::format("'{}' holds only {} of {}: bench needs the whole model file", path,
                            range_text(model.part()), model.architecture().depth));
  }
  return model.architecture();
}

void print_one(const BenchCommand& command, const Architecture& a, const StageBench& bench) {
  const double rate = command.batch / bench.median_s;
  const double gflops = gflops_per_image(a) * rate;
  if (command.json) {
    fmt::print("{}\n", nlohmann::json{{"images_per_s", rate},
                                      {"median_ms", 1e3 * bench.median_s},
                                      {"gflops", gflops},
                                      {"batch", command.batch},
                                      {"threads", command.threads},
                                      {"runs", bench.runs},
                                      {"resident_mb", bench.resident_mb}}
                           .dump());
  } else {
    fmt::print(
        "batch {}, {} thread{}: median {:.2f} ms, {:.1f} images/s, {:.1f} GFLOP/s, {:.0f} MB in "
        "RAM ({} runs)\n",
        command.batch, command.threads, command.threads == 1 ? "" : "s", 1e3 * bench.median_s, rate,
        gflops, bench.resident_mb, bench.runs);
  }
}

void print_stages(const BenchCommand& command, const std::vector<StageRange>& ranges,
                  const std::vector<StageBench>& benches) {
  std::vector<std::vector<std::string>> rows = {
      {"stage", "part", "ms/batch", "images/s", "weights MB", "activations MB", "MB in RAM"}};
  auto json = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < benches.size(); ++i) {
    const StageBench& b = benches[i];
    const double rate = command.batch / b.median_s;
    rows.push_back({fmt::format("{}", i), range_text(ranges[i]),
                    fmt::format("{:.2f}", 1e3 * b.median_s), fmt::format("{:.1f}", rate),
                    fmt::format("{:.1f}", b.weights_mb), fmt::format("{:.1f}", b.activations_mb),
                    fmt::format("{:.1f}", b.resident_mb)});
    json.push_back({{"stage", i},
                    {"part", range_text(ranges[i])},
                    {"median_ms", 1e3 * b.median_s},
                    {"images_per_s", rate},
                    {"weights_mb", b.weights_mb},
                    {"activations_mb", b.activations_mb},
                    {"resident_mb", b.resident_mb}});
  }
  fmt::print("{}", command.json ? json.dump(2) + "\n" : table(rows));
}

void run_bench(const BenchCommand& command) {
  std::optional<TemporaryFile> temporary;
  std::string path = command.model;
  if (command.model.empty()) {
    temporary.emplace(named_architecture(command.shape));
    path = temporary->path();
  }
  const Architecture architecture = whole_architecture(path);
  const auto ranges = split_evenly(architecture, command.stages);
  std::vector<StageBench> benches;
  for (const StageRange range : ranges) {
    benches.push_back(bench_stage(path, range, command.batch, command.threads, command.seconds));
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
  auto* model = sub->add_option("-m,--model", command->model, "Model file");
  auto* shape = sub->add_option("--model-shape", command->shape,
                                "A shape with random weights instead: deit_tiny or vit_base");
  model->excludes(shape);
  sub->add_option("-b,--batch", command->batch, "Images at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("-t,--threads", command->threads, "CPU threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  sub->add_option("-s,--stages", command->stages, "Cut the model and measure each stage alone")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  sub->add_option("--seconds", command->seconds, "How long to measure each stage")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub->add_flag("--json", command->json, "JSON");
  sub->footer(
      "Examples:\n"
      "  quantring bench --model-shape vit_base --batch 8\n"
      "  quantring bench --model models/fashion_mnist_vit.safetensors --stages 3");
  sub->callback([command] {
    if (command->model.empty() && command->shape.empty()) {
      throw Error("say --model FILE or --model-shape NAME");
    }
    run_bench(*command);
  });
}

}  // namespace quantring::apps
