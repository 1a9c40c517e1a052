// `quantring compare`: the same pictures through the CPU and another device, compared step by step.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/options/compute_options.h"
#include "apps/options/model_options.h"
#include "apps/options/source_options.h"
#include "apps/report/report.h"
#include "apps/session/picture_batches.h"
#include "engine/evaluation/activation_difference.h"
#include "engine/stage/stage.h"
#include "ops/base/error.h"
#include "ops/base/number_check.h"
#include "ops/transfer.h"

namespace quantring::apps {
namespace {

struct CompareCommand {
  std::vector<std::string> sources;
  ModelOptions model;
  ComputeOptions compute{.device = "cuda"};
  bool random = false, residual_f32 = false;
  int batch = 8, threads = 0;
  std::size_t limit = 0;
};

// The largest relative error of the logits that passes: ten times what correct kernels show with
// trained weights, and far below that of a wrong one.
double max_relative_error(Precision precision) {
  switch (precision) {
    case Precision::f16:
      return 2e-2;
    case Precision::bf16:
      return 1e-1;
    case Precision::f32:
      break;
  }
  return 1e-3;
}

// Pixels in batches: of pictures, or random ones.
class Pictures {
 public:
  Pictures(const CompareCommand& command, const ModelFile& model)
      : bytes_(model.preprocess().pixel_count()), batch_(static_cast<std::size_t>(command.batch)) {
    if (command.random) {
      left_ = command.limit > 0 ? command.limit : batch_;
      return;
    }
    const SourceOptions options{.channels = model.preprocess().channels, .limit = command.limit};
    files_ = std::make_unique<FileFrames>(command.sources, options);
    PictureBatchOptions batches;
    batches.batch = command.batch;
    batches_ = std::make_unique<PictureBatches>(picture_source(*files_), model, batches,
                                                [](const std::string& line) { throw Error(line); });
  }

  // Empty at the end.
  std::vector<std::byte> next() {
    if (batches_ != nullptr) {
      PictureBatch batch;
      batches_->next(batch);
      return std::move(batch.pixels);
    }
    const std::size_t images = std::min(batch_, left_);
    left_ -= images;
    std::vector<std::byte> pixels(images * bytes_);
    for (std::byte& pixel : pixels) pixel = static_cast<std::byte>(random_() >> 24);
    return pixels;
  }

  std::string passed_over() const {
    return files_ == nullptr ? std::string() : files_->passed_over().text();
  }

 private:
  std::size_t bytes_, batch_;
  std::unique_ptr<FileFrames> files_;
  std::unique_ptr<PictureBatches> batches_;
  std::size_t left_ = 0;
  std::mt19937 random_{1};
};

// The model on one device; reports every step.
class Side {
 public:
  Side(const ContextOptions& options, const ModelFile& model, int max_images)
      : context_(options),
        architecture_(model.architecture()),
        stage_(context_, model, {0, architecture_.half_blocks()}, max_images) {}

  using Show =
      std::function<void(const std::string& name, const Shape& shape, std::vector<float>&& values)>;
  void forward(const std::vector<std::byte>& pixels, const Show& show) {
    const Architecture& a = architecture_;
    const auto per_image = std::int64_t{a.channels} * a.image_height * a.image_width;
    const auto images = static_cast<std::int64_t>(pixels.size()) / per_image;
    if (pixels_.bytes() < pixels.size()) pixels_ = Buffer(context_, pixels.size());
    upload(context_, pixels, pixels_.data());
    stage_.observe([&](const std::string& name, ConstTensor value) {
      show(name, value.shape, host_values(context_, value));
    });
    stage_.forward_pixels(
        {pixels_.data(), DType::u8, {images, a.channels, a.image_height, a.image_width}});
    stage_.observe({});
  }

 private:
  Context context_;
  Architecture architecture_;
  Stage stage_;
  Buffer pixels_;
};

ActivationDifference compare_pictures(Pictures& pictures, Side& cpu, Side& device,
                                      std::size_t& compared, std::size_t pixels_per_picture) {
  ActivationDifference difference;
  for (auto pixels = pictures.next(); !pixels.empty(); pixels = pictures.next()) {
    std::vector<std::vector<float>> actual;
    device.forward(pixels, [&](const std::string&, const Shape&, std::vector<float>&& values) {
      actual.push_back(std::move(values));
    });
    std::size_t step = 0;
    cpu.forward(pixels,
                [&](const std::string& name, const Shape& shape, std::vector<float>&& expected) {
                  difference.add(name, shape, expected, actual.at(step), compared);
                  actual[step++] = {};
                });
    compared += pixels.size() / pixels_per_picture;
  }
  return difference;
}

void print(const ActivationDifference& difference) {
  std::vector<std::vector<std::string>> rows = {
      {"step", "relative error", "largest", "max error", "CPU", "device", "picture", "index"}};
  for (const StepDifference& step : difference.steps()) {
    rows.push_back({step.name, fmt::format("{:.2e}", step.relative()),
                    fmt::format("{:.4g}", step.largest), fmt::format("{:.2e}", step.worst),
                    fmt::format("{:.5g}", step.worst_expected),
                    fmt::format("{:.5g}", step.worst_actual), fmt::format("{}", step.worst_picture),
                    fmt::format("[{}]", fmt::join(step.worst_place, ", "))});
  }
  fmt::print("{}", table(rows));
}

void run_compare(const CompareCommand& command) {
  const ChosenModel chosen(command.model);
  const ModelFile model(chosen.path());
  require_whole_model(model, "compare");
  Pictures pictures(command, model);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int threads = command.threads > 0 ? command.threads : cores;
  ContextOptions compute = choose_compute(command.compute, threads);
  compute.residual_f32 = command.residual_f32;
  Side device(compute, model, command.batch);
  Side cpu({{}, threads, Precision::f32, false}, model, command.batch);

  std::size_t compared = 0;
  const ActivationDifference difference =
      compare_pictures(pictures, cpu, device, compared, model.preprocess().pixel_count());
  if (difference.steps().empty())
    throw Error(fmt::format("{}: no picture to compare on", fmt::join(command.sources, ", ")));
  print(difference);
  say_passed_over(pictures.passed_over());
  const double error = difference.steps().back().relative();
  const double allowed = max_relative_error(compute.precision);
  const std::string summary =
      fmt::format("logits of {} picture{} on {}: relative error {:.2e}, {:.0e} is allowed",
                  compared, compared == 1 ? "" : "s", compute_text(compute), error, allowed);
  if (!(error <= allowed)) throw Error(summary);
  fmt::print("{}\n", summary);
}

}  // namespace

void add_compare(CLI::App& app) {
  auto* sub = app.add_subcommand(
      "compare", "Compare a device's activations with the CPU's in f32, step by step");
  auto command = std::make_shared<CompareCommand>();
  auto* source = add_sources(*sub, command->sources);
  sub->add_flag("--random", command->random, "Random pixels instead of pictures")->excludes(source);
  add_model_options(*sub, command->model);
  add_compute_options(*sub, command->compute);
  sub->add_flag("--residual-f32", command->residual_f32,
                "Keep the device's residual stream in f32");
  sub->add_option("-b,--batch", command->batch, "Images per batch")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("-n,--limit", command->limit,
                  "Stop after this many images (0: all; with --random: one batch)")
      ->check(not_negative);
  sub->add_option("-t,--threads", command->threads, "CPU threads (default: all cores)")
      ->check(CLI::Range(1, 256));
  sub->footer(
      "Exits with 1 if the relative error of the logits is above 1e-3 in f32, 2e-2 in f16 or 1e-1 "
      "in bf16.\n"
      "Examples:\n"
      "  quantring compare photos/ --model deit_tiny.safetensors --limit 20\n"
      "  quantring compare --random --model-shape vit_base --precision f32 --batch 3");
  sub->callback([command] {
    if (command->sources.empty() && !command->random) {
      throw OptionError("add the pictures to compare on, or --random");
    }
    run_compare(*command);
  });
}

}  // namespace quantring::apps
