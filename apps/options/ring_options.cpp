#include "apps/options/ring_options.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "apps/options/option_check.h"
#include "engine/control/pixel_points.h"

namespace quantring::apps {
namespace {

std::string codec_list() {
  std::vector<std::string> names;
  for (const CodecId id : known_codecs()) {
    if (id != CodecId::pixels) names.push_back(codec_name(id));
  }
  return fmt::format("{}", fmt::join(names, ","));
}

}  // namespace

void add_ring_options(CLI::App& command, RingOptions& options) {
  auto* ring =
      command.add_option("-r,--ring", options.request.file, "ring.toml with the nodes' addresses");
  command
      .add_option("-s,--stages", options.request.stages,
                  "Start this many node processes here and use them as the ring")
      ->check(CLI::Range(1, 64))
      ->excludes(ring);
  command
      .add_option("--policy", options.policy,
                  "How links are coded: ladder (the finest that keeps up), quantpipe (its formula) "
                  "or fixed (default: ladder; with --codec: fixed)")
      ->type_name("{ladder,quantpipe,fixed}");
  auto* codec_option = command
                           .add_option("--codec", options.codec,
                                       "Coding of the links, with --policy only at the start")
                           ->type_name("{" + codec_list() + "}");
  command
      .add_option("--bits", options.bits,
                  "Bits an element, where the codec has several: 2 to 8, or 16; of klt, on "
                  "average, 3, 2, 1.5, "
                  "1, 0.75 or 0.5")
      ->needs(codec_option);
  auto* pixels =
      command
          .add_option("--head-codec", options.head_codec,
                      "Coding of the pixels on the head's link (default: as the link needs; JPEGs "
                      "with policy ladder alone)")
          ->type_name("{pixels,pixels-lossless,jpeg}");
  command.add_option("--quality", options.quality, "Of --head-codec jpeg, 1 to 100")->needs(pixels);
  command
      .add_option("--target", options.request.links.target_rate,
                  "Images/s that no link may hold up (default: what the slowest part of the ring "
                  "carries)")
      ->check(real_range(min_target_rate, max_target_rate));
  command
      .add_option(
          "--floor", options.request.links.floor,
          "Policy ladder: least agreement of the ring's answers with those of uncoded links, "
          "percent, estimated from the ladder for all links together; rather slower than "
          "coarser (default: 90; 0: any)")
      ->check(real_range(0.0, 100.0));
  command.add_option(
      "--ladder", options.request.links.ladder,
      "Policy ladder: operating points of this model, from `quantring evaluate --ladder` (default: "
      "those of the model's codec file, or built-in ones)");
  command
      .add_option("--link-mbps", options.request.link_mbps, "Pace every link to this many Mbit/s")
      ->check(real_range(min_link_mbps, max_link_mbps));
  add_compute_options(command, options.compute, ring);
  command
      .add_option("-t,--threads", options.threads,
                  "CPU threads here, or of each local node (default: share out the cores)")
      ->excludes(ring)
      ->check(CLI::Range(1, 256));
}

RingRequest ring_request(const RingOptions& options) {
  RingRequest request = options.request;
  if (!options.policy.empty()) {
    request.links.policy = check_option("--policy", [&] { return parse_policy(options.policy); });
  }
  if (!options.codec.empty()) {
    const std::string bits = options.bits != 0 ? fmt::format(" --bits {}", options.bits) : "";
    request.links.codec = check_option(fmt::format("--codec {}{}", options.codec, bits),
                                       [&] { return parse_codec(options.codec, options.bits); });
  }
  if (!options.head_codec.empty()) {
    request.links.pixels = check_option(
        "--head-codec", [&] { return parse_pixel_codec(options.head_codec, options.quality); });
  }
  const LinkChoice& links = request.links;
  if (!request.wanted() && (links.policy || links.codec || links.target_rate || links.floor ||
                            links.ladder || links.pixels || request.link_mbps > 0)) {
    throw OptionError(
        "--policy, --codec, --head-codec, --target, --floor, --ladder and --link-mbps are about a "
        "ring's "
        "links: add --ring FILE or --stages N");
  }
  if (request.file.empty()) {
    request.compute = choose_compute(
        options.compute, options.threads > 0 ? options.threads : shared_threads(request.stages));
    print_compute(request.compute, request.stages);
  }
  return request;
}

}  // namespace quantring::apps
