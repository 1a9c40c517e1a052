#include "apps/commands/classify_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/session/feeder.h"
#include "apps/commands/progress.h"
#include "apps/report/report.h"
#include "apps/report/report_json.h"
#include "apps/report/text_file.h"
#include "engine/image/image_source.h"
#include "engine/model/safetensors.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

void write_logits(SafetensorsWriter& writer, const std::vector<float>& logits, int classes) {
  writer.declare("logits", "F32", {static_cast<std::int64_t>(logits.size()) / classes, classes});
  writer.begin({});
  writer.write(std::as_bytes(std::span(logits)));
  writer.commit();
}

// Takes the results of all batches and says them.
void receive(const ClassifyOptions& options, const ModelFile& model, ImageSource& source,
             Classifier& classifier, std::optional<SafetensorsWriter>& logits_file,
             ClassifySummary& summary) {
  const auto classes = static_cast<std::size_t>(model.architecture().classes);
  std::vector<float> logits, all_logits;
  Progress progress(source.size());
  Feeder feeder(source, model, options.batch, classifier, progress);
  const auto say = [&](const Answer& answer) {
    if (options.json) {
      progress.print(stdout, answer_json(answer, model.labels()));
    } else if (!options.quiet) {
      progress.print(stdout, answer_line(answer, model.labels()));
    }
  };
  try {
    while (classifier.next(logits)) {
      const auto pictures = feeder.take();
      for (std::size_t i = 0; i < pictures.size(); ++i) {
        const std::span<const float> row(logits.data() + i * classes, classes);
        const Answer answer{pictures[i].name, pictures[i].label, top_k(row, options.top)};
        count(answer, row, summary);
        say(answer);
      }
      if (logits_file) {
        all_logits.insert(all_logits.end(), logits.begin(), logits.end());
      }
      summary.seconds = feeder.seconds_since_first();
      if (progress.due()) {
        progress.show(summary.images, summary.images_per_s(),
                      progress_links(classifier.stats(), summary.seconds));
      }
    }
  } catch (...) {
    classifier.stop();  // or the feeder would wait for room for ever
    throw;
  }
  summary.unreadable = feeder.unreadable();
  feeder.rethrow();
  if (logits_file) write_logits(*logits_file, all_logits, model.architecture().classes);
}

void refuse_inputs(const ClassifyOptions& options, const std::string& model, const char* flag,
                   const std::string& output) {
  const std::string ladder = options.ring.links.ladder.value_or("");
  for (const auto& input : {model, options.source, options.ring.file, options.labels, ladder}) {
    std::error_code ignored;
    if (!input.empty() && std::filesystem::equivalent(input, output, ignored)) {
      throw Error(fmt::format("{} '{}' is a file that is read: give another name", flag, output));
    }
  }
}

}  // namespace

void count(const Answer& answer, std::span<const float> logits, ClassifySummary& summary) {
  ++summary.images;
  if (answer.label < 0) return;
  ++summary.labelled;
  const auto top = top_k(logits, 5);
  summary.top1 += !top.empty() && top[0].index == answer.label;
  summary.top5 += std::any_of(top.begin(), top.end(),
                              [&](const Prediction& p) { return p.index == answer.label; });
}

ClassifySummary run_classify(const ClassifyOptions& options) {
  RingConfig config = read_config(options.ring);
  const ModelFile model(model_path(options.model, config));
  require_whole(model, options.ring);
  const auto source =
      open_source(options.source, {model.preprocess().channels, options.labels, options.limit});

  // Now, so that a path that cannot be written is said before the work and not after it.
  std::optional<SafetensorsWriter> logits_file;
  if (!options.logits_file.empty()) {
    refuse_inputs(options, model.path(), "--logits", options.logits_file);
    logits_file.emplace(options.logits_file);
  }
  if (!options.report_file.empty()) {
    refuse_inputs(options, model.path(), "--report-json", options.report_file);
    check_writable(options.report_file);
  }

  std::unique_ptr<LocalNodes> nodes;
  std::unique_ptr<Classifier> classifier;
  ClassifySummary summary;
  if (options.ring.wanted()) {
    RingPlan plan = plan_ring(options.ring, std::move(config), model);
    nodes = start_nodes(options.ring, model, plan);
    classifier = connect(plan, model, options.batch);
    summary.ranges = plan.ranges;
    summary.links = plan.links;
  } else {
    classifier = make_local_classifier(model, options.batch, options.ring.compute);
  }
  receive(options, model, *source, *classifier, logits_file, summary);
  summary.ring = classifier->finish();
  summary.outputs = classifier->histories();
  if (!options.report_file.empty()) write_text_file(options.report_file, report_json(summary));
  return summary;
}

}  // namespace quantring::apps
