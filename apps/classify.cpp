// `quantring classify`: pictures in, labels out.

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/classify_run.h"
#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/report.h"
#include "apps/ring_config.h"
#include "ops/error.h"

namespace quantring::apps {
namespace {

std::string codec_list() {
  std::vector<std::string> names;
  for (const CodecId id : known_codecs()) {
    if (id != CodecId::pixels) names.push_back(codec_name(id));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

void add_classify(CLI::App& app) {
  auto* sub =
      app.add_subcommand("classify", "Classify pictures, in this process or through a ring");
  auto options = std::make_shared<ClassifyOptions>();
  auto policy = std::make_shared<std::string>();
  auto codec = std::make_shared<std::string>();
  auto bits = std::make_shared<int>(0);
  auto compute = std::make_shared<ComputeOptions>();
  auto threads = std::make_shared<int>(0);
  sub->add_option("source", options->source,
                  "Picture, folder, glob pattern, or IDX file (plain or .gz)")
      ->required();
  sub->add_option(
      "-m,--model", options->model,
      "Model file, or with --ring any part of it (default: the one that the ring file names)");
  auto* ring = sub->add_option("-r,--ring", options->ring, "ring.toml with the nodes' addresses");
  sub->add_option("-s,--stages", options->stages,
                  "Start this many node processes here and use them as the ring")
      ->check(CLI::Range(1, 64))
      ->excludes(ring);
  sub->add_option("--policy", *policy,
                  "How links are coded: ring (the finest that keeps up), paper (QuantPipe's) or "
                  "fixed (default: ring; with --codec: fixed)");
  auto* codec_option = sub->add_option(
      "--codec", *codec, "Coding of the links, with --policy only at the start: " + codec_list());
  sub->add_option("--bits", *bits, "Bits an element, where the codec has several: 2 to 8, or 16")
      ->needs(codec_option);
  sub->add_option("--target", options->links.target_rate,
                  "Images/s that no link may hold up (default: what the slowest stage computes)")
      ->check(CLI::Range(min_target_rate, max_target_rate));
  sub->add_option("--floor", options->links.floor,
                  "Policy ring: least agreement with uncoded links, percent; rather slower than "
                  "coarser")
      ->check(CLI::Range(0.0, 100.0));
  sub->add_option(
      "--ladder", options->links.ladder,
      "Policy ring: operating points of this model, from `quantring evaluate --ladder`");
  sub->add_option("--link-mbps", options->link_mbps, "Pace every link to this many Mbit/s")
      ->check(CLI::Range(min_link_mbps, max_link_mbps));
  sub->add_option("-b,--batch", options->batch, "Images a frame")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  add_compute_options(*sub, *compute, ring);
  sub->add_option("-t,--threads", *threads,
                  "CPU threads here, or of each local node (default: share out the cores)")
      ->excludes(ring)
      ->check(CLI::Range(1, 256));
  sub->add_option("-l,--labels", options->labels,
                  "True classes: CSV with columns file,class_index, or an IDX label file");
  sub->add_option("-n,--limit", options->limit, "Stop after this many images (0: all)")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("-k,--top", options->top, "Classes shown per image")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
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
      "  quantring classify 'photos/*.jpg' --model deit_tiny.safetensors --labels photos.csv "
      "--json\n"
      "  quantring classify t10k-images-idx3-ubyte.gz --model models/fashion_mnist_vit.safetensors "
      "\\\n"
      "      --stages 3 --codec ptq --bits 4 --link-mbps 50\n"
      "  quantring classify photos/ --ring ring.toml");
  sub->callback([=] {
    if (!policy->empty()) {
      try {
        options->links.policy = parse_policy(*policy);
      } catch (const Error& error) {
        throw Error(fmt::format("--policy: {}", error.what()));
      }
    }
    if (!codec->empty()) {
      try {
        options->links.codec = parse_codec(*codec, *bits);
      } catch (const Error& error) {
        throw Error(fmt::format("--codec {}{}: {}", *codec,
                                *bits ? fmt::format(" --bits {}", *bits) : "", error.what()));
      }
    }
    const bool has_ring = !options->ring.empty() || options->stages > 0;
    const LinkChoice& links = options->links;
    if (!has_ring && (links.policy || links.codec || links.target_rate || links.floor ||
                      links.ladder || options->link_mbps > 0)) {
      throw Error(
          "--policy, --codec, --target, --floor, --ladder and --link-mbps are about a ring's "
          "links: add --ring FILE or --stages N");
    }
    if (options->ring.empty()) {
      options->compute =
          choose_compute(*compute, *threads > 0 ? *threads : shared_threads(options->stages));
      say_compute(options->compute, options->stages);
    }
    const ClassifySummary summary = run_classify(*options);
    if (summary.images > 0) fmt::print(stderr, "{}", closing_report(summary));
    if (summary.unreadable > 0) {
      throw Error(fmt::format("{} of {} pictures could not be read; each is named above",
                              summary.unreadable, summary.images + summary.unreadable));
    }
  });
}

}  // namespace quantring::apps
