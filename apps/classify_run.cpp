#include "apps/classify_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "apps/classifier.h"
#include "apps/feeder.h"
#include "apps/local_nodes.h"
#include "apps/output.h"
#include "apps/progress.h"
#include "apps/report.h"
#include "apps/report_json.h"
#include "apps/ring_config.h"
#include "apps/text_file.h"
#include "engine/image_source.h"
#include "engine/safetensors.h"
#include "ops/error.h"

namespace quantring::apps {
namespace {

void write_logits(SafetensorsWriter& writer, const std::vector<float>& logits, int classes) {
  writer.declare("logits", "F32", {static_cast<std::int64_t>(logits.size()) / classes, classes});
  writer.begin({});
  writer.write(std::as_bytes(std::span(logits)));
  writer.commit();
}

void count(const Answer& answer, std::span<const float> logits, ClassifySummary& summary) {
  ++summary.images;
  if (answer.label < 0) return;
  ++summary.labelled;
  const auto top = top_k(logits, 5);
  summary.top1 += !top.empty() && top[0].index == answer.label;
  summary.top5 += std::any_of(top.begin(), top.end(),
                              [&](const Prediction& p) { return p.index == answer.label; });
}

// Everything about the ring, from the flags and the ring file.
struct Ring {
  RingConfig config;
  std::vector<StageRange> ranges;
  ControllerOptions links;
};

Ring plan_ring(const ClassifyOptions& options, RingConfig config, const ModelFile& model) {
  Ring ring{std::move(config), {}, {}};
  if (options.ring.empty()) ring.config.stages.resize(static_cast<std::size_t>(options.stages));
  ring.ranges = stage_ranges(ring.config, model.architecture());
  ring.links = choose_links(options.links, ring.config.links);
  if (options.link_mbps > 0) ring.config.link_mbps = options.link_mbps;
  return ring;
}

// Here, and in nodes that this process starts, all blocks are needed; the head of a ring of others
// needs only what every part says of the whole.
void require_whole(const ModelFile& model) {
  if (model.whole()) return;
  throw Error(fmt::format(
      "'{}' holds only {} of {}: give the whole model file, or --ring FILE with nodes that hold "
      "the rest",
      model.path(), range_text(model.part()), model.architecture().depth));
}

std::unique_ptr<Classifier> connect(const Ring& ring, const ClassifyOptions& options,
                                    const ModelFile& model) {
  net::HeadOptions head;
  head.listen = ring.config.listen;
  head.advertise_host = ring.config.advertise;
  head.link_bits_per_second = static_cast<std::uint64_t>(ring.config.link_mbps * 1e6);
  for (const auto& stage : ring.config.stages) head.stages.push_back({stage.address, ""});
  return make_ring_classifier(model, head, ring.ranges, ring.links, options.batch);
}

std::unique_ptr<LocalNodes> start_nodes(const ClassifyOptions& options,
                                        const std::string& model_path, RingConfig& config) {
  auto nodes = std::make_unique<LocalNodes>(options.stages, model_path, options.compute);
  config.listen = "127.0.0.1:0";
  for (std::size_t i = 0; i < config.stages.size(); ++i)
    config.stages[i].address = nodes->addresses()[i];
  return nodes;
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

void refuse_inputs(const ClassifyOptions& options, const std::string& model_path, const char* flag,
                   const std::string& output) {
  const std::string ladder = options.links.ladder.value_or("");
  for (const auto& input : {model_path, options.source, options.ring, options.labels, ladder}) {
    std::error_code ignored;
    if (!input.empty() && std::filesystem::equivalent(input, output, ignored)) {
      throw Error(fmt::format("{} '{}' is a file that is read: give another name", flag, output));
    }
  }
}

}  // namespace

int shared_threads(int processes) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, cores / std::max(1, processes));
}

ClassifySummary run_classify(const ClassifyOptions& options) {
  RingConfig config;
  if (!options.ring.empty()) config = read_ring_config(options.ring);
  const std::string model_path = options.model.empty() ? config.model : options.model;
  if (model_path.empty()) {
    throw Error("no model: say --model FILE, or model = \"FILE\" in the ring file");
  }
  const ModelFile model(model_path);
  if (options.ring.empty()) require_whole(model);
  const auto source =
      open_source(options.source, {model.preprocess().channels, options.labels, options.limit});

  // Now, so that a path that cannot be written is said before the work and not after it.
  std::optional<SafetensorsWriter> logits_file;
  if (!options.logits_file.empty()) {
    refuse_inputs(options, model_path, "--logits", options.logits_file);
    logits_file.emplace(options.logits_file);
  }
  if (!options.report_file.empty()) {
    refuse_inputs(options, model_path, "--report-json", options.report_file);
    check_writable(options.report_file);
  }

  std::unique_ptr<LocalNodes> nodes;
  std::unique_ptr<Classifier> classifier;
  ClassifySummary summary;
  if (options.ring.empty() && options.stages == 0) {
    classifier = make_local_classifier(model, options.batch, options.compute);
  } else {
    Ring ring = plan_ring(options, std::move(config), model);
    if (options.ring.empty()) nodes = start_nodes(options, model_path, ring.config);
    classifier = connect(ring, options, model);
    summary.ranges = ring.ranges;
    summary.links = ring.links;
  }
  receive(options, model, *source, *classifier, logits_file, summary);
  summary.ring = classifier->finish();
  summary.outputs = classifier->histories();
  if (!options.report_file.empty()) write_text_file(options.report_file, report_json(summary));
  return summary;
}

}  // namespace quantring::apps
