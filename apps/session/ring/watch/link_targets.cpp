#include "apps/session/ring/watch/link_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/session/ring/link_choice.h"
#include "apps/session/ring/watch/link_coding.h"
#include "apps/session/ring/watch/ring_links.h"
#include "ops/base/error.h"
#include "ops/base/json.h"

namespace quantring {
namespace {

constexpr double min_change = 0.03;       // of a rate
constexpr double min_floor_change = 0.1;  // percent
// Packing goes on until the link would clearly not be the slowest part without it.
constexpr double stays_packed = 1.2;
// With a target the links are not left alone for longer, however long a frame takes.
constexpr double longest_wait_s = 3;

bool differs(const LinkTarget& one, const LinkTarget& other) {
  return std::abs(one.rate - other.rate) > min_change * other.rate ||
         std::abs(one.floor - other.floor) > min_floor_change;
}

}  // namespace

LinkTargets::LinkTargets(const ControllerOptions& links, TensorShape residual, std::uint64_t pixels)
    : options_(links), residual_(residual), pixel_bits_(8 * static_cast<double>(pixels)) {}

void LinkTargets::update(const net::RingStats& stats, double source_rate, double now_s) {
  rates_.update(stats, now_s);
  const std::size_t stages = stats.stages.size();
  if (stages == 0) return;
  limit_ = {};
  RingWay way;
  consider(rates_.compute_rate(), fmt::format("compute of stage {}", rates_.slowest_stage()));
  consider(rates_.link_rate(0), "link " + link_name(0, stages));
  consider(rates_.link_rate(stages), "link " + link_name(stages, stages));
  consider(source_rate, "the source");
  way.rate = limit_.rate;
  way.target_rate = options_.target_rate;
  way.shape = residual_;
  for (std::size_t link = 1; link < stages; ++link)
    way.links.push_back({rates_.capacity(link), link_coding(stats, link).codec});
  target_ = {};
  if (begun_s_ < 0) begun_s_ = now_s;
  // Without the stages' rate, what is known of the rest says too little.
  const bool overdue = options_.target_rate > 0 && now_s - begun_s_ >= longest_wait_s;
  if (rates_.compute_rate() <= 0 && !overdue) return;
  if (options_.policy == Policy::ladder) {
    target_ = ring_target(way, options_.ladder, options_.floor);
  } else {
    target_.links.assign(way.links.size(), {way.rate, 0});
    for (std::size_t link = 1; link < stages; ++link)
      consider(rates_.link_rate(link), "link " + link_name(link, stages));
  }
  if (target_.held) {
    const bool floor = way.links[*target_.held].codec != options_.ladder.back().codec;
    limit_ = {"link " + link_name(*target_.held + 1, stages), target_.rate, true, floor, way.rate};
  }
  consider_packing(source_rate, stages);
}

// Whether a part is the slowest so far.
void LinkTargets::consider(double rate, const std::string& part) {
  if (rate > 0 && (limit_.rate <= 0 || rate < limit_.rate)) limit_ = {part, rate, false, false, 0};
}

void LinkTargets::consider_packing(double source_rate, std::size_t stages) {
  const double capacity = rates_.capacity(0);
  double rest = std::numeric_limits<double>::infinity();
  const auto consider = [&rest](double rate) {
    if (rate > 0) rest = std::min(rest, rate);
  };
  consider(source_rate);
  consider(rates_.compute_rate());
  consider(rates_.link_rate(stages));
  if (target_.held) consider(target_.rate);
  for (std::size_t link = 1; link < stages && options_.policy != Policy::ladder; ++link)
    consider(rates_.link_rate(link));
  const double unpacked = capacity / pixel_bits_;
  const bool slowest = unpacked < rest * (packing_capacity_ > 0 ? stays_packed : 1);
  packing_capacity_ = capacity > 0 && slowest ? capacity : 0;
}

std::optional<std::string> LinkTargets::news() {
  const bool automatic = options_.policy == Policy::ladder ||
                         (options_.policy == Policy::quantpipe && options_.target_rate <= 0);
  if (!automatic || target_.links.empty() || target_.links.front().rate <= 0) return std::nullopt;
  const bool first = sent_.size() != target_.links.size();
  if (!first &&
      std::equal(sent_.begin(), sent_.end(), target_.links.begin(),
                 [](const auto& one, const auto& other) { return !differs(one, other); })) {
    far_ = 0;
    return std::nullopt;
  }
  if (!first && ++far_ < 2) return std::nullopt;
  far_ = 0;
  sent_ = target_.links;
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
