// `quantring evaluate`: the effect of coded links on a model's answers.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <thread>

#include "apps/commands/commands.h"
#include "apps/commands/evaluate_two_fold.h"
#include "apps/commands/progress.h"
#include "apps/options/compute_options.h"
#include "apps/options/model_options.h"
#include "apps/options/option_check.h"
#include "apps/options/source_options.h"
#include "apps/report/evaluate_report.h"
#include "apps/report/text_file.h"
#include "apps/session/picture_batches.h"
#include "engine/codec/codec_file.h"
#include "ops/base/error.h"
#include "ops/base/number_check.h"

namespace quantring::apps {
namespace {

const std::vector<double> default_bits = {16, 8, 6, 4, 2};

struct EvaluateCommand {
  std::vector<std::string> sources;
  std::string model, labels, cuts = "blocks";
  std::vector<std::string> codecs;
  std::vector<double> bits;  // empty: default_bits, and of klt all that it has
  bool two_fold = false;
  int stages = 0;  // 0: one cut at a time
  int batch = 8, threads = 0;
  std::size_t limit = 0;
  ComputeOptions compute;
  std::string json, csv, plot, ladder;  // output files; json: - is stdout
};

bool has_width(const std::string& codec, double bits) {
  const auto known = known_codecs();
  return std::any_of(known.begin(), known.end(), [&](CodecId id) {
    if (!has_widths(id) || codec_name(id) != codec) return false;
    const std::vector<int> widths = codec_widths(id);
    return std::any_of(widths.begin(), widths.end(), [&](int width) {
      return width_bits({id, static_cast<std::uint8_t>(width)}) == bits;
    });
  });
}

// Every chosen codec at every chosen width that it has. tables: whether there are any for klt.
std::vector<CodecSpec> chosen_codecs(const EvaluateCommand& command, bool tables) {
  std::vector<std::string> names = command.codecs;
  if (names.empty()) {
    names.push_back(codec_name(CodecId::raw16));
    for (const CodecId id : known_codecs()) {
      if (has_widths(id) && (tables || !needs_tables(id))) names.push_back(codec_name(id));
    }
  }
  std::vector<CodecSpec> specs;
  const auto add = [&](CodecSpec spec) {
    if (std::find(specs.begin(), specs.end(), spec) == specs.end()) specs.push_back(spec);
  };
  const auto known = known_codecs();
  for (const std::string& name : names) {
    const auto id = std::find_if(known.begin(), known.end(), [&](CodecId each) {
      return has_widths(each) && codec_name(each) == name;
    });
    check_option("--codecs and --bits", [&] {
      if (id == known.end()) return add(parse_codec(name, 0));
      if (needs_tables(*id) && command.bits.empty()) {
        for (const int width : codec_widths(*id)) add({*id, static_cast<std::uint8_t>(width)});
        return;
      }
      // A width that only another chosen codec has is left out; one that none has is an error.
      const std::vector<double> all = command.bits.empty() ? default_bits : command.bits;
      for (const double bits : all) {
        const bool elsewhere = std::any_of(names.begin(), names.end(), [&](const auto& other) {
          return other != name && has_width(other, bits);
        });
        const bool wrong = !elsewhere && !command.bits.empty();
        if (has_width(name, bits) || wrong) add(parse_codec(name, bits));
      }
    });
  }
  // raw32 is always evaluated, as the baseline.
  std::erase(specs, CodecSpec{});
  return specs;
}

std::vector<int> chosen_cuts(const EvaluateCommand& command, const Architecture& architecture) {
  if (command.stages > 0) {
    return check_option("--stages", [&] { return ring_cuts(architecture, command.stages); });
  }
  if (command.cuts == "halves") return half_cuts(architecture);
  if (command.cuts != "blocks") {
    return check_option(fmt::format("--cuts {}", command.cuts),
                        [&] { return parse_cuts(architecture, command.cuts); });
  }
  auto cuts = block_cuts(architecture);
  if (cuts.empty())
    throw OptionError("--cuts blocks: this model has only one block, use --cuts halves");
  return cuts;
}

// Before the work, so that an error does not cost its results.
void check_outputs(const EvaluateCommand& command) {
  const std::string json = command.json == "-" ? "" : command.json;
  const std::vector<std::string> outputs = {json, command.csv, command.plot, command.ladder};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    check_writable(outputs[i]);
    std::vector<std::string> inputs = command.sources;
    inputs.insert(inputs.end(), {command.model, command.labels});
    for (const auto& input : inputs) {
      std::error_code ignored;
      if (!input.empty() && std::filesystem::equivalent(input, outputs[i], ignored))
        throw OptionError(fmt::format("'{}' is also an input: choose another name", outputs[i]));
    }
    for (std::size_t k = 0; k < i; ++k) {
      if (outputs[k] == outputs[i])
        throw OptionError(
            fmt::format("'{}' is named for two outputs: choose another name", outputs[i]));
    }
  }
}

std::string time_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} s", seconds);
  if (seconds < 90 * 60) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / 3600);
}

// Progress within a batch, which takes a pass per codec and cut.
class PassProgress {
 public:
  PassProgress(Progress& progress, std::size_t images, std::size_t passes)
      : progress_(progress), images_(images), passes_(passes) {}

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

  // done: images before this batch.
  void update(std::size_t done, std::size_t batch, std::size_t passes_done) {
    if (!progress_.due()) return;
    const double part = static_cast<double>(passes_done) / static_cast<double>(passes_);
    const double images = static_cast<double>(done) + static_cast<double>(batch) * part;
    std::string text = fmt::format("pass {}/{}", passes_done, passes_);
    if (images_ > 0) {
      const double left = std::max(0.0, static_cast<double>(images_) - images);
      text += fmt::format("  about {} left", time_text(left * seconds() / images));
    }
    progress_.show(done, images / seconds(), text);
  }

 private:
  Progress& progress_;
  std::size_t images_, passes_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void evaluate_all(const EvaluateCommand& command, const ModelFile& model, FileFrames& source,
                  Context& context, const EvaluationPlan& plan, EvaluateReport& report) {
  Evaluation evaluation(context, model, plan);
  Progress progress(source.size());
  PictureBatchOptions options;
  options.batch = command.batch;
  PictureBatches batches(picture_source(source), model, options, [&](const std::string& line) {
    progress.print(stderr, "error: " + line);
    ++report.unreadable;
  });
  PassProgress pass_progress(progress, source.size(), evaluation.passes());
  PictureBatch batch;
  while (batches.next(batch)) {
    std::vector<int> labels;
    for (const Frame& frame : batch.frames) labels.push_back(frame.label);
    evaluation.add(batch.pixels, labels, [&](std::size_t passes_done) {
      pass_progress.update(report.images, labels.size(), passes_done);
    });
    report.images += labels.size();
  }
  report.seconds = pass_progress.seconds();
  report.baseline = evaluation.baseline();
  report.points = evaluation.points();
}

// What was learned beside the model about the cuts; empty if there is nothing.
std::map<int, KltTables> tables_beside(const ModelFile& model, const std::vector<int>& cuts) {
  std::map<int, KltTables> tables;
  const auto file = find_codec_file(model.path(), model.hash());
  if (!file) return tables;
  for (const int cut : cuts) {
    if (!file->has(cut)) return {};
    tables[cut] = file->tables(cut);
  }
  return tables;
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
  require_whole_model(model, "evaluate");
  EvaluationPlan plan;
  plan.cuts = chosen_cuts(command, model.architecture());
  plan.together = command.stages > 0;
  plan.max_images = command.batch;
  std::map<int, KltTables> tables;
  if (!command.two_fold) tables = tables_beside(model, plan.cuts);
  plan.tables = &tables;
  plan.codecs = chosen_codecs(command, command.two_fold || !tables.empty());
  for (const CodecSpec spec : plan.codecs) {
    if (needs_tables(spec.id) && tables.empty() && !command.two_fold)
      throw Error(fmt::format(
          "{} needs '{}' with these cuts: make it with `quantring calibrate PHOTOS --model {}`, or "
          "add --two-fold to calibrate on one half of these pictures and evaluate on the other",
          codec_text(spec), codec_file_path(model.path()).string(), command.model));
  }
  FileFrames source(command.sources, {.channels = model.preprocess().channels,
                                      .labels_file = command.labels,
                                      .check = label_check(model),
                                      .limit = command.limit});
  check_outputs(command);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const ContextOptions compute =
      choose_compute(command.compute, command.threads > 0 ? command.threads : cores);
  print_compute(compute, 0);
  Context context(compute);
  EvaluateReport report;
  report.model = command.model;
  report.compute = compute_text(compute);
  report.cuts = plan.cuts;
  report.together = plan.together;
  if (command.two_fold) {
    Progress progress(source.size());
    const PictureSet pictures = read_pictures(source, model, 0, progress, report.unreadable);
    report.images = pictures.size();
    Context cpu(compute.threads);
    evaluate_two_fold(model, pictures, plan, cpu, context, progress, report);
  } else {
    evaluate_all(command, model, source, context, plan, report);
  }
  if (report.images > 0) write_outputs(command, report);
  say_passed_over(source.passed_over().text());
  if (report.unreadable > 0) {
    throw Error(fmt::format("{} of {} pictures could not be read, see above", report.unreadable,
                            report.images + report.unreadable));
  }
  if (report.images == 0) throw Error(fmt::format("{}: no picture to evaluate on", source.text()));
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto* sub = app.add_subcommand(
      "evaluate", "Measure the effect of coded links on a model's answers, without a ring");
  auto command = std::make_shared<EvaluateCommand>();
  add_sources(*sub, command->sources)->required();
  sub->add_option("-m,--model", command->model, "Model file")->required();
  sub->add_option("-l,--labels", command->labels, label_help);
  sub->add_option("--codecs", command->codecs,
                  "Codecs to compare, separated by commas (default: raw16 and all that quantize)")
      ->delimiter(',')
      ->allow_extra_args(false);  // a source may follow
  sub->add_option(
         "--bits", command->bits,
         "Bits per element of codecs that quantize: 2 to 8, or 16 (default: 16,8,6,4,2); of "
         "klt 3, 2, 1.5, 1, 0.75, 0.5 (default: all)")
      ->delimiter(',')
      ->allow_extra_args(false);
  sub->add_flag(
      "--two-fold", command->two_fold,
      "Calibrate klt on one half of the pictures and evaluate all on the other, both ways");
  auto* cuts =
      sub->add_option("--cuts", command->cuts,
                      "Where the model is cut, one coded link at a time: blocks, halves, or a "
                      "list such as 2,4.5 (after block 2, after the attention of block 5)")
          ->capture_default_str();
  auto* stages =
      sub->add_option(
             "-s,--stages", command->stages,
             "Instead of --cuts: an even ring of this many stages, all links coded at once")
          ->check(CLI::Range(2, 64))
          ->excludes(cuts);
  sub->add_option("-n,--limit", command->limit, "Stop after this many images (0: all)")
      ->check(not_negative);
  sub->add_option("-b,--batch", command->batch, "Images per batch")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_compute_options(*sub, command->compute);
  sub->add_option("-t,--threads", command->threads, "CPU threads (default: all cores)")
      ->check(CLI::Range(1, 256));
  sub->add_option("--json", command->json,
                  "Write all results, with those of each cut, as JSON to this file (-: stdout)");
  sub->add_option("--csv", command->csv, "Write all results as CSV to this file");
  sub->add_option("--plot", command->plot,
                  "Write a chart of accuracy against bits per element as SVG to this file");
  sub->add_option("--ladder", command->ladder,
                  "Write the best operating points as JSON for a ring's controller to this file")
      ->excludes(stages);
  sub->footer(
      "Agreement: images whose top-1 class is the same as without coding. KL: divergence of the "
      "coded answers from the uncoded ones.\nExamples:\n"
      "  quantring evaluate photos/ --model deit_tiny.safetensors --labels photos.csv\n"
      "  quantring evaluate photos/ --model deit_tiny.safetensors --codecs ptq,ds-aciq --bits 4,3 "
      "\\\n      --cuts 6 --json - | jq .points\n"
      "  quantring evaluate t10k-images-idx3-ubyte.gz --model models/fashion_mnist_vit.safetensors "
      "\\\n      --limit 1000 --stages 3 --plot ring.svg");
  sub->callback([command] { run_evaluate(*command); });
}

}  // namespace quantring::apps
