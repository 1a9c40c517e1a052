#include "apps/commands/classify_run.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "apps/commands/progress.h"
#include "apps/report/output.h"
#include "apps/report/report.h"
#include "apps/report/report_json.h"
#include "apps/report/text_file.h"
#include "apps/session/pipeline.h"
#include "engine/camera/file_frames.h"
#include "engine/model/safetensors.h"
#include "ops/base/error.h"

namespace quantring::apps {
namespace {

// Batches: enough that a terminal that is slow for a moment does not stop the ring.
constexpr std::size_t max_untaken_answers = 16;

void write_logits(SafetensorsWriter& writer, const std::vector<float>& logits, int classes) {
  writer.declare("logits", "F32", {static_cast<std::int64_t>(logits.size()) / classes, classes});
  writer.begin({});
  writer.write(std::as_bytes(std::span(logits)));
  writer.commit();
}

// Takes all answers and prints them.
void receive(const ClassifyOptions& options, const ModelFile& model, FileFrames& source,
             ReplaySession& session, std::optional<SafetensorsWriter>& logits_file,
             RunSummary& summary) {
  const auto classes = static_cast<std::size_t>(model.architecture().classes);
  const ClassRule rule = class_rule(model, options.classes);
  std::vector<float> all_logits;
  Progress progress(source.size());
  PictureBatchOptions batches;
  batches.batch = options.batch;
  Pipeline pipeline(picture_source(source), model, session, batches,
                    [&](const std::string& line) { progress.print(stderr, "error: " + line); });
  AnsweredBatch answered;
  while (pipeline.next(answered)) {
    for (std::size_t i = 0; i < answered.frames.size(); ++i) {
      const std::span<const float> logits(answered.logits.data() + i * classes, classes);
      const Frame& frame = answered.frames[i];
      summary.count(frame.label, logits, rule.threshold);
      if (options.quiet && !options.json) continue;
      const Answer answer = make_answer(frame.name, frame.label, logits, options.top, rule);
      progress.print(stdout, options.json ? answer_json(answer, model.labels())
                                          : answer_line(answer, model.labels()));
    }
    if (logits_file) {
      all_logits.insert(all_logits.end(), answered.logits.begin(), answered.logits.end());
    }
    summary.seconds = pipeline.seconds_since_first();
    if (progress.due()) {
      progress.show(summary.images, summary.images_per_s(),
                    progress_links(session.stats(), summary.seconds));
    }
  }
  summary.unreadable = pipeline.unreadable();
  if (logits_file) write_logits(*logits_file, all_logits, model.architecture().classes);
}

void stop_reading(FileFrames& source) {
  source.stop();
  std::fputs("stopping: what is under way is answered first; another signal ends at once\n",
             stderr);
}

void refuse_inputs(const ClassifyOptions& options, const std::string& model, const char* flag,
                   const std::string& output) {
  const std::string ladder = options.ring.links.ladder.value_or("");
  std::vector<std::string> inputs = {model, options.ring.file, options.labels, ladder};
  inputs.insert(inputs.end(), options.sources.begin(), options.sources.end());
  for (const auto& input : inputs) {
    std::error_code ignored;
    if (!input.empty() && std::filesystem::equivalent(input, output, ignored)) {
      throw OptionError(fmt::format("{} '{}' is also an input: choose another name", flag, output));
    }
  }
}

}  // namespace

RunSummary run_classify(const ClassifyOptions& options, EndSignals* signals) {
  RingConfig config = read_config(options.ring);
  const ModelFile model(model_path(options.model, config));
  require_whole(model, options.ring);
  class_rule(model, options.classes);  // a wrong option is reported before the ring is connected
  FileFrames source(options.sources, {.channels = model.preprocess().channels,
                                      .labels_file = options.labels,
                                      .check = label_check(model),
                                      .limit = options.limit});

  // Before the work, so that a path that cannot be written does not cost its results.
  std::optional<SafetensorsWriter> logits_file;
  if (!options.logits_file.empty()) {
    refuse_inputs(options, model.path(), "--logits", options.logits_file);
    logits_file.emplace(options.logits_file);
  }
  if (!options.report_file.empty()) {
    refuse_inputs(options, model.path(), "--report-json", options.report_file);
    check_writable(options.report_file);
  }

  RunSummary summary;
  try {
    const RingSetup setup(options.ring, std::move(config), model, options.batch);
    ReplayOptions replay;
    replay.max_answers = max_untaken_answers;
    ReplaySession session(setup.connect, replay);
    std::optional<EndSignals::Watch> watch;
    if (signals != nullptr) watch.emplace(*signals, [&source] { stop_reading(source); });
    summary.ranges = setup.plan.ranges;
    summary.links = setup.plan.links;
    receive(options, model, source, session, logits_file, summary);
    summary.ring = session.stats();
    summary.outputs = session.histories();
    summary.limit = session.limit();
  } catch (const OptionError&) {
    throw;
  } catch (const Error& error) {
    const std::string text = error.what();
    const bool said = text.find(changed_in_use) != std::string::npos;
    if (said || !model.changed()) throw;
    throw Error(fmt::format("{}; '{}': {}", text, model.path(), changed_in_use));
  }
  if (model.changed())
    fmt::print(stderr, "'{}': {}; all answers are from the model as it was at the start\n",
               model.path(), changed_in_use);
  summary.passed_over = source.passed_over().text();
  if (!options.report_file.empty()) write_text_file(options.report_file, report_json(summary));
  return summary;
}

}  // namespace quantring::apps
