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
    return width_bits(each.codec) <= width_bits(codec);
  });
  return static_cast<std::size_t>(std::min(smaller, ladder.end() - 1) - ladder.begin());
}

// A link with the points that it may be coded in.
struct Part {
  double capacity_bps;
  const std::vector<PixelLink::Point>* points;
  std::size_t present;
};

class Planner {
 public:
  Planner(const RingWay& way, const Ladder& ladder, double floor) : way_(way), floor_(floor) {
    for (const OperatingPoint& point : ladder)
      points_.push_back({point.codec, point.agreement, bits_per_image(point.codec, way.shape)});
    for (const CodedLink& link : way.links)
      parts_.push_back({link.capacity_bps, &points_, point_of(link.codec, ladder)});
    if (way.pixels)
      parts_.push_back({way.pixels->capacity_bps, &way.pixels->points, way.pixels->present});
  }

  RingTarget plan() const {
    RingTarget target;
    const double uncoded = way_.rate > 0 ? way_.rate : infinity;
    const double wanted = way_.target_rate > 0 ? way_.target_rate : infinity;
    double rest = std::min(uncoded, wanted / nearly);
    double rate = links_rate(rest);
    target.rate = std::min(uncoded, wanted);
    const std::size_t links = way_.links.size();
    if (way_.pixels) {
      // At its point the head's link is to the others a part that no coding changes.
      target.pixels = point_at(links, rate);
      const double pixels = carried_in_fact(links, target.pixels);
      target.pixels_held = pixels < target.rate;
      rest = std::min(rest, pixels);
      rate = std::min(rate, pixels);
      target.rate = std::min(target.rate, pixels);
    }
    for (std::size_t i = 0; i < links; ++i) {
      const double carried = carried_in_fact(i, point_at(i, rate));
      if (carried >= nearly * target.rate) continue;
      target.held = i;
      target.rate = carried;
    }
    if (target.held) target.pixels_held = false;
    if (!std::isfinite(target.rate)) target.rate = 0;
    for (std::size_t i = 0; i < links; ++i) {
      // The rate that holds the link up is not its own.
      const double needed = target.held == i ? rest : rate;
      target.links.push_back({std::isfinite(needed) ? nearly * needed : 0, 0});
    }
    share_floor(rate, target.links);
    return target;
  }

 private:
  const PixelLink::Point& point(std::size_t i, std::size_t at) const {
    return (*parts_[i].points)[at];
  }

  double carried_in_fact(std::size_t i, std::size_t at) const {
    const double capacity = parts_[i].capacity_bps;
    return capacity > 0 ? capacity / point(i, at).bits : infinity;
  }

  // images/s for which a link has enough to spare at a point.
  double carried(std::size_t i, std::size_t at) const {
    const double capacity = parts_[i].capacity_bps;
    if (capacity <= 0) return infinity;
    // The head's link has no controller that keeps something to spare.
    const bool pixels = i == way_.links.size();
    const double needs = at < parts_[i].present   ? to_refine
                         : pixels                 ? 1
                         : at > parts_[i].present ? to_coarsen
                                                  : to_keep;
    return capacity / (point(i, at).bits * needs);
  }

  // The finest point at which the link carries the rate; none: not even the coarsest does. A link
  // of which nothing is known keeps its point.
  std::optional<std::size_t> point_for(std::size_t i, double rate) const {
    if (parts_[i].capacity_bps <= 0) return parts_[i].present;
    for (std::size_t at = 0; at < parts_[i].points->size(); ++at)
      if (carried(i, at) >= rate) return at;
    return std::nullopt;
  }

  std::size_t point_at(std::size_t i, double rate) const {
    return point_for(i, rate).value_or(parts_[i].points->size() - 1);
  }

  // Percent; 0 where a link does not carry the rate at all.
  double agreement_at(double rate) const {
    double all = 1;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const auto at = point_for(i, rate);
      if (!at) return 0;
      all *= point(i, *at).agreement / 100;
    }
    return 100 * all;
  }

  // The highest rate, at most `most`, that the links carry together within the floor.
  double links_rate(double most) const {
    const double best = best_rate(most);
    double present = most, agreement = 100;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      present = std::min(present, carried(i, parts_[i].present));
      agreement *= point(i, parts_[i].present).agreement / 100;
    }
    return allowed(agreement) && best < worth_it * present ? present : best;
  }

  double best_rate(double most) const {
    if (std::isfinite(most) && allowed(agreement_at(most))) return most;
    std::vector<double> rates;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (std::size_t at = 0; at < parts_[i].points->size(); ++at)
        if (carried(i, at) < most) rates.push_back(carried(i, at));
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
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const double needed = point(i, point_at(i, rate)).agreement;
      if (i < links.size()) links[i].floor = needed;
      all *= needed / 100;
    }
    if (links.empty() || all <= 0) return;
    const double left = std::pow(floor_ / 100 / all, 1.0 / static_cast<double>(links.size()));
    for (LinkTarget& link : links)
      link.floor = std::min(link.floor * left, points_.front().agreement);
  }

  const RingWay& way_;
  const double floor_;
  std::vector<PixelLink::Point> points_;  // of the ladder
  std::vector<Part> parts_;               // the coded links, then the head's
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
