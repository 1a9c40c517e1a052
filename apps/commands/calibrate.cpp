// `quantring calibrate`: what codecs learn from pictures about a model, into a file beside it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/commands/picture_set.h"
#include "apps/options/model_options.h"
#include "apps/options/option_check.h"
#include "apps/options/source_options.h"
#include "apps/report/evaluate_report.h"
#include "apps/report/text_file.h"
#include "engine/calibration/klt_calibration.h"
#include "engine/codec/codec_file.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

constexpr std::size_t default_pictures = 200, fewest_pictures = 8;
constexpr std::size_t held_out_every = 4;  // one picture in so many is for the ladder only
constexpr int quick_cuts = 5, batch = 8;

struct CalibrateCommand {
  std::vector<std::string> sources;
  std::string model, cuts = "halves";
  std::size_t limit = default_pictures;
  bool quick = false;
  int threads = 0;
};

std::vector<int> chosen_cuts(const CalibrateCommand& command, const Architecture& architecture) {
  if (command.cuts == "halves") return half_cuts(architecture);
  if (command.cuts == "blocks") return block_cuts(architecture);
  return check_option(fmt::format("--cuts {}", command.cuts),
                      [&] { return parse_cuts(architecture, command.cuts); });
}

// Those at which the ladder is measured: between blocks, or five of them.
std::vector<int> ladder_cuts(const std::vector<int>& cuts, bool quick) {
  std::vector<int> chosen;
  for (const int cut : cuts)
    if (cut % 2 == 0) chosen.push_back(cut);
  if (chosen.empty()) chosen = cuts;
  if (!quick || chosen.size() <= quick_cuts) return chosen;
  std::vector<int> few;
  for (std::size_t i = 0; i < quick_cuts; ++i)
    few.push_back(chosen[(2 * i + 1) * chosen.size() / (2 * quick_cuts)]);
  return few;
}

// Those that were not beaten at their size on any model (docs/ACCURACY.md); where klt cannot be
// used, ds-aciq+ has the small ones.
std::vector<CodecSpec> ladder_codecs() {
  std::vector<CodecSpec> specs = {{CodecId::raw16, 16}};
  const auto add = [&](CodecId id, const std::vector<int>& widths) {
    for (const int width : widths) specs.push_back({id, static_cast<std::uint8_t>(width)});
  };
  add(CodecId::ptq, {8, 7, 6, 5});
  add(CodecId::ds_aciq_plus, {6, 5, 4, 3, 2});
  add(CodecId::tah2, {4});
  add(CodecId::klt, codec_widths(CodecId::klt));
  return specs;
}

class Calibrate {
 public:
  explicit Calibrate(const CalibrateCommand& command)
      : command_(command),
        model_(command.model),
        threads_(command.threads > 0
                     ? command.threads
                     : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))),
        context_(threads_) {
    require_whole_model(model_, "calibrate");
    cuts_ = chosen_cuts(command, model_.architecture());
    if (cuts_.empty()) throw OptionError("--cuts: this model has no such cut, use halves");
    path_ = codec_file_path(model_.path());
    check_writable(path_.string());
  }

  void run() {
    read();
    learn();
    measure();
    write_codec_file(path_, content_);
    const double size = static_cast<double>(std::filesystem::file_size(path_)) / 1e6;
    fmt::print(
        "'{}', {:.1f} MB: {} cuts, calibrated on {} pictures, in {:.0f} s\n"
        "Copy it beside the model on every device of the ring.\n",
        path_.string(), size, cuts_.size(), learned_.size(), seconds());
  }

 private:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

  void read() {
    FileFrames source(command_.sources, {.channels = model_.preprocess().channels});
    Progress progress(source.size());
    std::uint64_t unreadable = 0;
    const PictureSet all = read_pictures(source, model_, command_.limit, progress, unreadable);
    say_passed_over(source.passed_over().text());
    if (all.size() < fewest_pictures)
      throw Error(
          fmt::format("{}: {} pictures that can be read, calibration needs at least {}, "
                      "better {}",
                      source.text(), all.size(), fewest_pictures, default_pictures));
    for (std::size_t i = 0; i < all.size(); ++i)
      (i % held_out_every == held_out_every - 1 ? held_out_ : learned_).add(all, i);
  }

  void learn() {
    Progress progress;
    content_.model_hash = model_.hash();
    content_.pictures = learned_.size();
    content_.cuts = calibrate_klt(
        context_, model_, learned_.pixels, learned_.size(),
        {.cuts = cuts_, .fit_decoder = !command_.quick, .batch = batch},
        [&](double done, const std::string& what) {
          if (progress.due())
            progress.show(fmt::format("calibrating: {:.0f} % ({})", 100 * done, what));
        });
  }

  void measure() {
    EvaluationPlan plan;
    plan.cuts = ladder_cuts(cuts_, command_.quick);
    plan.codecs = ladder_codecs();
    plan.max_images = batch;
    plan.tables = &content_.cuts;
    Progress progress;
    Evaluation evaluation(context_, model_, plan);
    evaluate_set(evaluation, held_out_, batch, [&](std::size_t done, std::size_t passes) {
      if (progress.due())
        progress.show(fmt::format("ladder: {} of {} pictures, pass {}/{}", done, held_out_.size(),
                                  passes, evaluation.passes()));
    });
    EvaluateReport report;
    report.model = command_.model;
    report.images = held_out_.size();
    report.cuts = plan.cuts;
    report.baseline = evaluation.baseline();
    report.points = evaluation.points();
    const Ladder ladder = evaluate_ladder(report);
    content_.ladder = ladder_to_json(ladder);
    fmt::print("operating points, by {} pictures that were held out, mean of {} cuts:\n",
               held_out_.size(), plan.cuts.size());
    for (const OperatingPoint& point : ladder)
      fmt::print("  {:<12} {:6.2f} % agreement\n", codec_text(point.codec), point.agreement);
  }

  const CalibrateCommand& command_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  ModelFile model_;
  int threads_;
  Context context_;
  std::vector<int> cuts_;
  std::filesystem::path path_;
  PictureSet learned_, held_out_;
  CodecFileContent content_;
};

}  // namespace

void add_calibrate(CLI::App& app) {
  auto* sub = app.add_subcommand(
      "calibrate", "Learn from pictures how to code a model's links in one bit a value");
  auto command = std::make_shared<CalibrateCommand>();
  add_sources(*sub, command->sources)->required();
  sub->add_option("-m,--model", command->model, "Model file; the result is written beside it")
      ->required();
  sub->add_option("-n,--limit", command->limit,
                  "Take so many pictures, spread over the source (0: all)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  sub->add_option("--cuts", command->cuts,
                  "Where rings may cut the model: halves (everywhere), blocks, or a list such as "
                  "2,4.5 (after block 2, after the attention of block 5)")
      ->capture_default_str();
  sub->add_flag("--quick", command->quick,
                "In a third of the time: no fitted decoder, the ladder measured at five cuts");
  sub->add_option("-t,--threads", command->threads, "CPU threads (default: all cores)")
      ->check(CLI::Range(1, 256));
  sub->footer(
      "No labels are needed; pictures like those that the ring will see are best.\nExamples:\n"
      "  quantring calibrate photos/ --model deit_tiny.safetensors\n"
      "  quantring calibrate t10k-images-idx3-ubyte.gz --model "
      "models/fashion_mnist_vit.safetensors "
      "--quick");
  sub->callback([command] { Calibrate(*command).run(); });
}

}  // namespace quantring::apps
