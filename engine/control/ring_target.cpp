#include "engine/control/ring_target.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/control/ladder_tuning.h"
#include "engine/control/link_policy.h"

namespace quantring {
namespace {

using namespace ladder_tuning;

constexpr double infinity = std::numeric_limits<double>::infinity();

// A link that carries nearly what the slowest part does is left alone: fewer bits gain nothing.
constexpr double nearly = 0.93;
// What a link needs for a rate, over the bits of the point: as it is now; to move to a coarser
// point, with what its controller spares; to be counted on at a finer one.
constexpr double to_keep = nearly, to_coarsen = nearly * (1 + fall_headroom), to_refine = 1.25;
// Links change their points for a rate that is so much higher.
constexpr double worth_it = 1.1;
constexpr double rounding = 1e-9;

std::size_t point_of(CodecSpec codec, const Ladder& ladder) {
  const auto exact = std::find_if(ladder.begin(), ladder.end(),
                                  [&](const OperatingPoint& each) { return each.codec == codec; });
  if (exact != ladder.end()) return static_cast<std::size_t>(exact - ladder.begin());
  const auto smaller = std::find_if(ladder.begin(), ladder.end(), [&](const OperatingPoint& each) {
    return each.codec.bits <= codec.bits;
  });
  return static_cast<std::size_t>(std::min(smaller, ladder.end() - 1) - ladder.begin());
}

class Planner {
 public:
  Planner(const RingWay& way, const Ladder& ladder, double floor)
      : way_(way), ladder_(ladder), floor_(floor) {
    for (const OperatingPoint& point : ladder)
      bits_.push_back(bits_per_image(point.codec, way.shape));
    for (const CodedLink& link : way.links) present_.push_back(point_of(link.codec, ladder));
  }

  RingTarget plan() const {
    RingTarget target;
    const double uncoded = way_.rate > 0 ? way_.rate : infinity;
    const double wanted = way_.target_rate > 0 ? way_.target_rate : infinity;
    const double rest = std::min(uncoded, wanted / nearly);
    const double rate = links_rate(rest);
    target.rate = std::min(uncoded, wanted);
    for (std::size_t i = 0; i < way_.links.size(); ++i) {
      const double carried = way_.links[i].capacity_bps / bits_[point_at(i, rate)];
      if (carried <= 0 || carried >= nearly * target.rate) continue;
      target.held = i;
      target.rate = carried;
    }
    if (!std::isfinite(target.rate)) target.rate = 0;
    for (std::size_t i = 0; i < way_.links.size(); ++i) {
      // The rate that holds the link up is not its own.
      const double needed = target.held == i ? rest : rate;
      target.links.push_back({std::isfinite(needed) ? nearly * needed : 0, 0});
    }
    share_floor(rate, target.links);
    return target;
  }

 private:
  // images/s for which a link has enough to spare at a point.
  double carried(std::size_t i, std::size_t point) const {
    const double capacity = way_.links[i].capacity_bps;
    if (capacity <= 0) return infinity;
    const double needs = point < present_[i]   ? to_refine
                         : point > present_[i] ? to_coarsen
                                               : to_keep;
    return capacity / (bits_[point] * needs);
  }

  // The finest point at which the link carries the rate; none: not even the coarsest does. A link
  // of which nothing is known keeps its point.
  std::optional<std::size_t> point_for(std::size_t i, double rate) const {
    if (way_.links[i].capacity_bps <= 0) return present_[i];
    for (std::size_t point = 0; point < ladder_.size(); ++point)
      if (carried(i, point) >= rate) return point;
    return std::nullopt;
  }

  std::size_t point_at(std::size_t i, double rate) const {
    return point_for(i, rate).value_or(ladder_.size() - 1);
  }

  // Percent; 0 where a link does not carry the rate at all.
  double agreement_at(double rate) const {
    double all = 1;
    for (std::size_t i = 0; i < way_.links.size(); ++i) {
      const auto point = point_for(i, rate);
      if (!point) return 0;
      all *= ladder_[*point].agreement / 100;
    }
    return 100 * all;
  }

  // The highest rate, at most `most`, that the links carry together within the floor.
  double links_rate(double most) const {
    const double best = best_rate(most);
    double present = most, agreement = 100;
    for (std::size_t i = 0; i < way_.links.size(); ++i) {
      present = std::min(present, carried(i, present_[i]));
      agreement *= ladder_[present_[i]].agreement / 100;
    }
    return allowed(agreement) && best < worth_it * present ? present : best;
  }

  double best_rate(double most) const {
    if (std::isfinite(most) && allowed(agreement_at(most))) return most;
    std::vector<double> rates;
    for (std::size_t i = 0; i < way_.links.size(); ++i)
      for (std::size_t point = 0; point < ladder_.size(); ++point)
        if (carried(i, point) < most) rates.push_back(carried(i, point));
    std::sort(rates.begin(), rates.end(), std::greater<>());
    if (rates.empty()) return most;
    for (const double rate : rates)
      if (allowed(agreement_at(rate))) return rate;
    return rates.back();
  }

  bool allowed(double agreement) const { return agreement >= floor_ - rounding; }

  // What each link needs, and an equal part of what is left of the floor then.
  void share_floor(double rate, std::vector<LinkTarget>& links) const {
    double all = 1;
    for (std::size_t i = 0; i < links.size(); ++i) {
      links[i].floor = ladder_[point_at(i, rate)].agreement;
      all *= links[i].floor / 100;
    }
    if (links.empty() || all <= 0) return;
    const double left = std::pow(floor_ / 100 / all, 1.0 / static_cast<double>(links.size()));
    for (LinkTarget& link : links)
      link.floor = std::min(link.floor * left, ladder_.front().agreement);
  }

  const RingWay& way_;
  const Ladder& ladder_;
  const double floor_;
  std::vector<double> bits_;          // per image, of each point
  std::vector<std::size_t> present_;  // of each link
};

}  // namespace

RingTarget ring_target(const RingWay& way, const Ladder& ladder, double floor) {
  return Planner(way, ladder, floor).plan();
}

double ring_agreement(const std::vector<CodecSpec>& codecs, const Ladder& ladder) {
  double all = 1;
  for (const CodecSpec codec : codecs) all *= ladder[point_of(codec, ladder)].agreement / 100;
  return 100 * all;
}

double equal_floor(double floor, std::size_t links, const Ladder& ladder) {
  if (links == 0) return 0;
  const double each = 100 * std::pow(floor / 100, 1.0 / static_cast<double>(links));
  return std::min(each, ladder.front().agreement);
}

}  // namespace quantring
