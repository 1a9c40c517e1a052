// `quantring demo`: the same pictures through the same ring at several codings of its links.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "apps/commands/classify_run.h"
#include "apps/commands/commands.h"
#include "apps/commands/demo_data.h"
#include "apps/options/compute_options.h"
#include "apps/options/option_check.h"
#include "apps/report/report.h"
#include "apps/session/ring/ring_config.h"
#include "engine/codec/codec_file.h"
#include "engine/model/model_file.h"
#include "ops/base/number_check.h"

namespace quantring::apps {
namespace {

struct DemoCommand {
  std::string model, images;  // empty: wherever they are installed
  std::size_t limit = 2000;
  int stages = 3;
  double mbps = 50;
  ComputeOptions compute;
};

// Bytes an image on the busiest link between two stages.
double cut_bytes(const RunSummary& summary) {
  double most = 0;
  const auto links = ring_links(summary.ring);
  for (std::size_t i = 1; i + 1 < links.size(); ++i) {
    if (links[i].images == 0) continue;
    most = std::max(
        most, static_cast<double>(links[i].payload_bytes) / static_cast<double>(links[i].images));
  }
  return most;
}

// Whether pictures have taught klt about every cut of the ring.
bool calibrated(const ModelFile& model, int stages) {
  const auto file = find_codec_file(model.path(), model.hash());
  if (!file || stages > model.architecture().half_blocks()) return false;  // refused by the run
  const auto ranges = split_evenly(model.architecture(), stages);
  return std::all_of(ranges.begin() + 1, ranges.end(),
                     [&](const StageRange& range) { return file->has(range.begin); });
}

void run_demo(const DemoCommand& command) {
  const std::string model = command.model.empty() ? demo_model() : command.model;
  const std::string images = command.images.empty() ? demo_images() : command.images;
  std::vector<CodecSpec> codecs = {{CodecId::raw32, 32}, {CodecId::ptq, 8}, {CodecId::ptq, 4}};
  if (calibrated(ModelFile(model), command.stages)) codecs.push_back(parse_codec("klt", 1));
  fmt::print(
      "The first {} pictures through a ring of {} node processes, every link at {} Mbit/s\n\n",
      command.limit, command.stages, command.mbps);
  const ContextOptions compute = choose_compute(command.compute, shared_threads(command.stages));
  print_compute(compute, command.stages);
  std::vector<std::vector<std::string>> rows = {
      {"link coding", "top-1 %", "images/s", "bytes/image", "slowest part"}};
  std::string last_report;
  for (const CodecSpec codec : codecs) {
    ClassifyOptions options;
    options.sources = {images};
    options.model = model;
    options.ring.stages = command.stages;
    options.ring.compute = compute;
    options.ring.links.codec = codec;
    options.ring.link_mbps = command.mbps;
    options.limit = command.limit;
    options.quiet = true;
    fmt::print(stderr, "{}:\n", codec_text(codec));
    const RunSummary summary = run_classify(options);
    rows.push_back({codec_text(codec), fmt::format("{:.2f}", summary.top1_percent()),
                    fmt::format("{:.1f}", summary.images_per_s()),
                    fmt::format("{:.0f}", cut_bytes(summary)), slowest_part(summary)});
    last_report = closing_report(summary);
  }
  fmt::print("\n{}\nThe last run in full:\n{}", table(rows), last_report);
}

}  // namespace

void add_demo(CLI::App& app) {
  auto* sub = app.add_subcommand(
      "demo", "Fashion-MNIST through a local ring on slow links, at 32, 8, 4 bits and 1");
  auto command = std::make_shared<DemoCommand>();
  sub->add_option("-m,--model", command->model,
                  "Model file (default: the one that comes with the program)");
  sub->add_option("--images", command->images,
                  "IDX image file, its labels beside it (default: Fashion-MNIST's test images, "
                  "package dataset-fashion-mnist)");
  sub->add_option("-n,--limit", command->limit, "Images per run")
      ->check(positive)
      ->capture_default_str();
  sub->add_option("-s,--stages", command->stages, "Node processes")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  sub->add_option("--link-mbps", command->mbps, "Pace of every link, Mbit/s")
      ->check(real_range(min_link_mbps, max_link_mbps))
      ->capture_default_str();
  add_compute_options(*sub, command->compute);
  sub->footer(
      "Examples:\n  quantring demo\n  quantring demo --stages 6 --link-mbps 10 --limit 500");
  sub->callback([command] { run_demo(*command); });
}

}  // namespace quantring::apps
