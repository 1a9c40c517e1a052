// `quantring bench`: how fast the forward pass is on this machine.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/stage_worker.h"
#include "engine/random_model.h"
#include "engine/stage.h"
#include "ops/error.h"

namespace quantring::apps {
namespace {

struct BenchCommand {
  std::string model, shape;
  int batch = 1, threads = 1;
  double seconds = 3;
  bool json = false;
};

// A file that is gone when this object is.
struct TemporaryFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               fmt::format("quantring-bench-{}.safetensors", ::getpid());
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void run_bench(const BenchCommand& command) {
  TemporaryFile temporary;
  std::filesystem::path path = command.model;
  if (command.model.empty()) {
    write_random_model(temporary.path, named_architecture(command.shape), "F32", 1);
    path = temporary.path;
  }
  const ModelFile model(path);
  const Architecture& a = model.architecture();
  Context context(command.threads);
  Stage stage(context, model, {0, a.half_blocks()}, command.batch);

  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(command.batch) *
                                   model.preprocess().pixel_count());
  std::uint32_t state = 1;
  for (auto& pixel : pixels)
    pixel = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  const ConstTensor input{
      pixels.data(), DType::u8, {command.batch, a.channels, a.image_height, a.image_width}};

  using Clock = std::chrono::steady_clock;
  const auto elapsed = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  for (int i = 0; i < 2; ++i) stage.forward_pixels(input);  // warm-up: pages, caches, clocks
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < 5 || elapsed(start) < command.seconds) {
    const auto begin = Clock::now();
    stage.forward_pixels(input);
    times.push_back(elapsed(begin));
  }
  const double seconds = median(times);
  const double rate = command.batch / seconds;
  const double gflops = gflops_per_image(a) * rate;
  const double megabytes = static_cast<double>(resident_bytes()) / 1e6;
  if (command.json) {
    fmt::print("{}\n", nlohmann::json{{"images_per_s", rate},
                                      {"median_ms", 1e3 * seconds},
                                      {"gflops", gflops},
                                      {"batch", command.batch},
                                      {"threads", command.threads},
                                      {"runs", times.size()},
                                      {"resident_mb", megabytes}}
                           .dump());
  } else {
    fmt::print(
        "batch {}, {} thread{}: median {:.2f} ms, {:.1f} images/s, {:.1f} GFLOP/s, {:.0f} MB in "
        "RAM ({} runs)\n",
        command.batch, command.threads, command.threads == 1 ? "" : "s", 1e3 * seconds, rate,
        gflops, megabytes, times.size());
  }
}

}  // namespace

void add_bench(CLI::App& app) {
  auto* sub = app.add_subcommand("bench", "Measure the forward pass: median time of a batch");
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
  sub->add_option("--seconds", command->seconds, "How long to measure")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub->add_flag("--json", command->json, "One JSON object");
  sub->footer(
      "Examples:\n  quantring bench --model-shape vit_base --batch 8\n"
      "  quantring bench --model models/fashion_mnist_vit.safetensors --threads 2");
  sub->callback([command] {
    if (command->model.empty() && command->shape.empty())
      throw Error("say --model FILE or --model-shape NAME");
    run_bench(*command);
  });
}

}  // namespace quantring::apps
