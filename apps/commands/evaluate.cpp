// `quantring evaluate`: what coding the links does to a model's answers.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/commands/compute_options.h"
#include "apps/commands/progress.h"
#include "apps/report/evaluate_report.h"
#include "apps/report/text_file.h"
#include "apps/session/picture_batches.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

struct EvaluateCommand {
  std::string source, model, labels, cuts = "blocks";
  std::vector<std::string> codecs;
  std::vector<int> bits = {16, 8, 6, 4, 2};
  int stages = 0;  // 0: one cut at a time
  int batch = 8, threads = 0;
  std::size_t limit = 0;
  ComputeOptions compute;
  std::string json, csv, plot, ladder;  // files; json: - is stdout
};

// Every codec at every width that it has.
std::vector<CodecSpec> chosen_codecs(const EvaluateCommand& command) {
  std::vector<std::string> names = command.codecs;
  if (names.empty()) {
    names.push_back(codec_name(CodecId::raw16));
    for (const CodecId id : known_codecs()) {
      if (has_widths(id)) names.push_back(codec_name(id));
    }
  }
  std::vector<CodecSpec> specs;
  const auto add = [&](const std::string& name, int bits) {
    const CodecSpec spec = parse_codec(name, bits);
    if (std::find(specs.begin(), specs.end(), spec) == specs.end()) specs.push_back(spec);
  };
  for (const std::string& name : names) {
    const auto known = known_codecs();
    const bool many_widths = std::any_of(known.begin(), known.end(), [&](CodecId id) {
      return has_widths(id) && codec_name(id) == name;
    });
    try {
      if (!many_widths) add(name, 0);
      for (const int bits : many_widths ? command.bits : std::vector<int>{}) add(name, bits);
    } catch (const Error& error) {
      throw Error(fmt::format("--codecs and --bits: {}", error.what()));
    }
  }
  // It is always there, as what the others are compared with.
  std::erase(specs, CodecSpec{});
  return specs;
}

std::vector<int> chosen_cuts(const EvaluateCommand& command, const Architecture& architecture) {
  if (command.stages > 0) return ring_cuts(architecture, command.stages);
  if (command.cuts == "halves") return half_cuts(architecture);
  if (command.cuts != "blocks") {
    try {
      return parse_cuts(architecture, command.cuts);
    } catch (const Error& error) {
      throw Error(
          fmt::format("--cuts {}: {}; or say blocks, or halves", command.cuts, error.what()));
    }
  }
  auto cuts = block_cuts(architecture);
  if (cuts.empty()) throw Error("this model has one block: say --cuts halves");
  return cuts;
}

// Now, so that a path that cannot be written is said before the work and not after it.
void check_outputs(const EvaluateCommand& command) {
  const std::string json = command.json == "-" ? "" : command.json;
  const std::vector<std::string> outputs = {json, command.csv, command.plot, command.ladder};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    check_writable(outputs[i]);
    for (const auto& input : {command.model, command.source, command.labels}) {
      std::error_code ignored;
      if (!input.empty() && std::filesystem::equivalent(input, outputs[i], ignored))
        throw Error(fmt::format("'{}' is a file that is read: give another name", outputs[i]));
    }
    for (std::size_t k = 0; k < i; ++k) {
      if (outputs[k] == outputs[i])
        throw Error(fmt::format("'{}' would be written twice: give another name", outputs[i]));
    }
  }
}

std::string time_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 90 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

// A batch takes as many passes as there are codecs and cuts: told pass by pass.
class Watch {
 public:
  Watch(Progress& progress, std::size_t images, std::size_t passes)
      : progress_(progress), images_(images), passes_(passes) {}

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

  // done: images before this batch.
  void pass(std::size_t done, std::size_t batch, std::size_t passes_done) {
    if (!progress_.due()) return;
    const double part = static_cast<double>(passes_done) / static_cast<double>(passes_);
    const double images = static_cast<double>(done) + static_cast<double>(batch) * part;
    const double left = std::max(0.0, static_cast<double>(images_) - images);
    progress_.show(done, images / seconds(),
                   fmt::format("pass {}/{}  about {} left", passes_done, passes_,
                               time_text(left * seconds() / images)));
  }

 private:
  Progress& progress_;
  std::size_t images_, passes_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void evaluate_all(const EvaluateCommand& command, const ModelFile& model, FileFrames& source,
                  Context& context, EvaluationPlan plan, EvaluateReport& report) {
  report.cuts = plan.cuts;
  report.together = plan.together;
  Evaluation evaluation(context, model, std::move(plan));
  Progress progress(source.size());
  PictureBatchOptions options;
  options.batch = command.batch;
  PictureBatches batches(picture_source(source), model, options, [&](const std::string& line) {
    progress.print(stderr, "error: " + line);
    ++report.unreadable;
  });
  Watch watch(progress, source.size(), evaluation.passes());
  PictureBatch batch;
  while (batches.next(batch)) {
    std::vector<int> labels;
    for (const Frame& frame : batch.frames) labels.push_back(frame.label);
    evaluation.add(batch.pixels, labels, [&](std::size_t passes_done) {
      watch.pass(report.images, labels.size(), passes_done);
    });
    report.images += labels.size();
  }
  report.seconds = watch.seconds();
  report.baseline = evaluation.baseline();
  report.points = evaluation.points();
}

void write_outputs(const EvaluateCommand& command, const EvaluateReport& report) {
  const bool json_on_stdout = command.json == "-";
  std::fputs(evaluate_tables(report).c_str(), json_on_stdout ? stderr : stdout);
  if (json_on_stdout) {
    std::fputs(evaluate_json(report).c_str(), stdout);
  } else if (!command.json.empty()) {
    write_text_file(command.json, evaluate_json(report));
  }
  if (!command.csv.empty()) write_text_file(command.csv, evaluate_csv(report));
  if (!command.plot.empty()) write_text_file(command.plot, evaluate_svg(report));
  if (!command.ladder.empty())
    write_text_file(command.ladder, ladder_to_json(evaluate_ladder(report)));
}

void run_evaluate(const EvaluateCommand& command) {
  const ModelFile model(command.model);
  if (!model.whole()) {
    throw Error(fmt::format("'{}' holds only {} of {}: evaluate needs the whole model file",
                            command.model, range_text(model.part()), model.architecture().depth));
  }
  EvaluationPlan plan{chosen_cuts(command, model.architecture()), chosen_codecs(command),
                      command.stages > 0, command.batch};
  FileFrames source(command.source, model.preprocess().channels, command.labels, command.limit);
  check_outputs(command);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const ContextOptions compute =
      choose_compute(command.compute, command.threads > 0 ? command.threads : cores);
  say_compute(compute, 0);
  Context context(compute);
  EvaluateReport report;
  report.model = command.model;
  report.compute = compute_text(compute);
  evaluate_all(command, model, source, context, std::move(plan), report);
  if (report.images > 0) write_outputs(command, report);
  if (report.unreadable > 0) {
    throw Error(fmt::format("{} of {} pictures could not be read; each is named above",
                            report.unreadable, report.images + report.unreadable));
  }
  if (report.images == 0) throw Error("there was no picture to evaluate on");
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto* sub = app.add_subcommand(
      "evaluate", "Measure what coding the links does to a model's answers, without a ring");
  auto command = std::make_shared<EvaluateCommand>();
  sub->add_option("source", command->source,
                  "Picture, folder, glob pattern, or IDX file (plain or .gz)")
      ->required();
  sub->add_option("-m,--model", command->model, "Model file")->required();
  sub->add_option("-l,--labels", command->labels,
                  "True classes: CSV with columns file,class_index, or an IDX label file");
  sub->add_option("--codecs", command->codecs,
                  "Codings to compare, with commas between (default: raw16 and all that quantize)")
      ->delimiter(',');
  sub->add_option("--bits", command->bits, "Bits an element for those that quantize: 2 to 8, or 16")
      ->delimiter(',')
      ->capture_default_str();
  auto* cuts = sub->add_option("--cuts", command->cuts,
                               "Where links are, one coded at a time: blocks, halves, or a list "
                               "such as 2,4.5 (after two blocks, after the fifth's attention)")
                   ->capture_default_str();
  auto* stages =
      sub->add_option("-s,--stages", command->stages,
                      "Instead: all links of an even ring of this many stages coded at once")
          ->check(CLI::Range(2, 64))
          ->excludes(cuts);
  sub->add_option("-n,--limit", command->limit, "Stop after this many images (0: all)")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("-b,--batch", command->batch, "Images at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_compute_options(*sub, command->compute);
  sub->add_option("-t,--threads", command->threads, "CPU threads (default: all cores)")
      ->check(CLI::Range(1, 256));
  sub->add_option("--json", command->json,
                  "All results, of every cut too, as JSON to this file (-: stdout)");
  sub->add_option("--csv", command->csv, "The same as CSV to this file");
  sub->add_option("--plot", command->plot, "Accuracy against bytes per image as SVG to this file");
  sub->add_option("--ladder", command->ladder,
                  "The points worth choosing from, as JSON for a ring's controller, to this file")
      ->excludes(stages);
  sub->footer(
      "Agreement: images whose first answer is the one without coding. KL: of the answers, coded "
      "from uncoded.\nExamples:\n"
      "  quantring evaluate photos/ --model deit_tiny.safetensors --labels photos.csv\n"
      "  quantring evaluate photos/ --model deit_tiny.safetensors --codecs ptq,ds-aciq --bits 4,3 "
      "\\\n      --cuts 6 --json - | jq .points\n"
      "  quantring evaluate t10k-images-idx3-ubyte.gz --model models/fashion_mnist_vit.safetensors "
      "\\\n      --limit 1000 --stages 3 --plot ring.svg");
  sub->callback([command] { run_evaluate(*command); });
}

}  // namespace quantring::apps
