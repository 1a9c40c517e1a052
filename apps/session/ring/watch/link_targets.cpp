#include "apps/session/ring/watch/link_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/session/ring/link_choice.h"
#include "apps/session/ring/watch/link_coding.h"
#include "apps/session/ring/watch/ring_links.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

constexpr double min_change = 0.03;       // of a rate
constexpr double min_floor_change = 0.1;  // percent
// With a target the links are not left alone for longer, however long a frame takes.
constexpr double longest_wait_s = 3;

bool differs(const LinkTarget& one, const LinkTarget& other) {
  return std::abs(one.rate - other.rate) > min_change * other.rate ||
         std::abs(one.floor - other.floor) > min_floor_change;
}

}  // namespace

LinkTargets::LinkTargets(const ControllerOptions& links, TensorShape residual)
    : options_(links), residual_(residual) {}

void LinkTargets::update(const net::RingStats& stats, double source_rate, const PixelLink& pixels,
                         double now_s) {
  rates_.update(stats, now_s);
  const std::size_t stages = stats.stages.size();
  if (stages == 0) return;
  limit_ = {};
  RingWay way;
  consider(rates_.compute_rate(), fmt::format("compute of stage {}", rates_.slowest_stage()));
  consider(rates_.link_rate(stages), "link " + link_name(stages, stages));
  consider(source_rate, "the source");
  const double uncoded = way.rate = limit_.rate;
  way.target_rate = options_.target_rate;
  way.shape = residual_;
  way.pixels = pixels;
  way.pixels->capacity_bps = rates_.capacity(0);
  const bool ladder = options_.policy == Policy::ladder;
  for (std::size_t link = 1; link < stages; ++link) {
    if (ladder) {
      way.links.push_back({rates_.capacity(link), link_coding(stats, link).codec});
    } else {
      consider(rates_.link_rate(link), "link " + link_name(link, stages));
      way.rate = limit_.rate;
    }
  }
  target_ = {};
  if (begun_s_ < 0) begun_s_ = now_s;
  // Without the stages' rate, what is known of the rest says too little.
  const bool overdue = options_.target_rate > 0 && now_s - begun_s_ >= longest_wait_s;
  if (rates_.compute_rate() <= 0 && !overdue) {
    consider(rates_.link_rate(0), "link " + link_name(0, stages));
    return;
  }
  target_ = ring_target(way, options_.ladder, ladder ? options_.floor : 0);
  if (!ladder) {
    const double carried = way.pixels->capacity_bps / pixels.points[target_.pixels].bits;
    const bool slower = carried > 0 && (uncoded <= 0 || carried < uncoded);
    target_.links.assign(stages - 1, {slower ? carried : uncoded, 0});
  }
  if (target_.held) {
    const bool floor = way.links[*target_.held].codec != options_.ladder.back().codec;
    limit_ = {"link " + link_name(*target_.held + 1, stages), target_.rate, true, floor, way.rate};
  } else if (target_.pixels_held) {
    const bool coded = pixels.points.back().agreement < 100 && pixels.points.size() > 1;
    limit_ = {"link " + link_name(0, stages), target_.rate, coded,
              coded && target_.pixels + 1 < pixels.points.size(), way.rate};
  }
  choose_pixels(pixels);
}

// Finer at once: that costs the floor nothing.
void LinkTargets::choose_pixels(const PixelLink& link) {
  const PixelLink::Point& point = link.points[target_.pixels];
  wanted_pixels_ = point.codec;
  const bool shared = options_.policy == Policy::ladder && !target_.links.empty();
  if (!shared || point.agreement >= link.points[link.present].agreement) pixels_ = wanted_pixels_;
}

// Whether a part is the slowest so far.
void LinkTargets::consider(double rate, const std::string& part) {
  if (rate > 0 && (limit_.rate <= 0 || rate < limit_.rate)) limit_ = {part, rate, false, false, 0};
}

std::optional<std::string> LinkTargets::news() {
  const bool automatic = options_.policy == Policy::ladder ||
                         (options_.policy == Policy::quantpipe && options_.target_rate <= 0);
  if (!automatic || target_.links.empty() || target_.links.front().rate <= 0) return std::nullopt;
  const bool first = sent_.size() != target_.links.size();
  if (!first && pixels_ == wanted_pixels_ &&
      std::equal(sent_.begin(), sent_.end(), target_.links.begin(),
                 [](const auto& one, const auto& other) { return !differs(one, other); })) {
    far_ = 0;
    return std::nullopt;
  }
  if (!first && ++far_ < 2) return std::nullopt;
  far_ = 0;
  sent_ = target_.links;
  pixels_ = wanted_pixels_;
  return link_targets_json(sent_);
}

std::string link_targets_json(const std::vector<LinkTarget>& targets) {
  auto links = nlohmann::json::array();
  for (const LinkTarget& target : targets) links.push_back({target.rate, target.floor});
  return nlohmann::json{{"links", std::move(links)}}.dump();
}

std::optional<LinkTarget> link_target_from_json(const std::string& text, int stage) {
  const auto value = try_parse_json(text);
  const auto links = value.is_object() ? value.find("links") : value.end();
  if (!value.is_object() || links == value.end() || !links->is_array())
    throw Error("the head's instruction cannot be read");
  if (stage < 0 || static_cast<std::size_t>(stage) >= links->size()) return std::nullopt;
  const auto& own = links->at(static_cast<std::size_t>(stage));
  const auto number = [&](std::size_t at, double max) {
    const double read =
        own.is_array() && own.size() == 2 && own.at(at).is_number() ? own.at(at).get<double>() : -1;
    if (!(read >= 0 && read <= max)) throw Error("the head's instruction cannot be read");
    return read;
  };
  return LinkTarget{number(0, max_target_rate), number(1, 100)};
}

}  // namespace quantring
