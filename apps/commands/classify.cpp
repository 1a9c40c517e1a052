// `quantring classify`: pictures in, labels out.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/commands/classify_run.h"
#include "apps/commands/commands.h"
#include "apps/options/model_options.h"
#include "apps/options/ring_options.h"
#include "apps/options/source_options.h"
#include "apps/report/report.h"
#include "ops/base/error.h"
#include "ops/base/number_check.h"
#include "ops/base/program.h"

namespace quantring::apps {

void add_classify(CLI::App& app) {
  auto* sub =
      app.add_subcommand("classify", "Classify pictures, in this process or through a ring");
  auto options = std::make_shared<ClassifyOptions>();
  auto ring = std::make_shared<RingOptions>();
  add_sources(*sub, options->sources)->required();
  sub->add_option(
      "-m,--model", options->model,
      "Model file, or with --ring any part of it (default: the one that the ring file names)");
  add_ring_options(*sub, *ring);
  sub->add_option("-b,--batch", options->batch, "Images a frame")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("-l,--labels", options->labels, label_help);
  sub->add_option("-n,--limit", options->limit, "Stop after this many images (0: all)")
      ->check(not_negative);
  sub->add_option("-k,--top", options->top, "Classes shown per image")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_class_options(*sub, options->classes);
  sub->add_flag("--json", options->json, "One JSON object per image on stdout");
  sub->add_flag("-q,--quiet", options->quiet, "No line per image, only the closing report");
  sub->add_option(
      "--logits", options->logits_file,
      "Also write the logits of all readable pictures, in order, to this safetensors file");
  sub->add_option("--report-json", options->report_file,
                  "Also write the closing report to this file: stages, links, decisions");
  sub->footer(
      "Examples:\n"
      "  quantring classify photo.jpg --model deit_tiny.safetensors\n"
      "  quantring classify photos/*.jpg --model deit_tiny.safetensors --labels photos.csv --json\n"
      "  curl -s https://example.org/photo.jpg | quantring classify - --model "
      "deit_tiny.safetensors\n"
      "  quantring classify t10k-images-idx3-ubyte.gz --model models/fashion_mnist_vit.safetensors "
      "\\\n"
      "      --stages 3 --codec ptq --bits 4 --link-mbps 50\n"
      "  quantring classify photos/ --ring ring.toml");
  sub->callback([=] {
    options->ring = ring_request(*ring);
    EndSignals signals;
    const RunSummary summary = run_classify(*options, &signals);
    if (summary.images > 0) fmt::print(stderr, "{}", closing_report(summary));
    say_passed_over(summary.passed_over);
    if (summary.unreadable > 0) {
      const std::string text =
          fmt::format("{} of {} pictures could not be read; each is named above",
                      summary.unreadable, summary.images + summary.unreadable);
      if (signals.signal() == 0) throw Error(text);
      print_error(text);
    }
    if (signals.signal() == 0) return;
    fmt::print(stderr, "stopped by a signal before the last picture\n");
    throw CLI::RuntimeError(128 + signals.signal());
  });
}

}  // namespace quantring::apps
