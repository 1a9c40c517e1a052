#include "apps/session/ring/watch/ring_links.h"

#include <fmt/format.h>

namespace quantring {

std::vector<net::LinkStats> ring_links(const net::RingStats& stats) {
  std::vector<net::LinkStats> links;
  if (stats.stages.empty()) return links;
  links.push_back(stats.input);
  for (const net::StageStats& stage : stats.stages) links.push_back(stage.output);
  return links;
}

std::string link_name(std::size_t link, std::size_t stages) {
  const auto end = [&](std::size_t i) {
    return i == 0 || i > stages ? std::string("head") : fmt::format("{}", i - 1);
  };
  return fmt::format("{} -> {}", end(link), end(link + 1));
}

LinkCapacity link_capacity(const net::RingStats& stats, const OutputHistories& outputs,
                           std::size_t link) {
  const net::LinkStats now = ring_links(stats).at(link);
  if (now.capacity != net::Capacity::unknown || link == 0) return {now.capacity, now.capacity_bps};
  if (link > outputs.size()) return {};
  const OutputHistory& history = outputs[link - 1];
  return {history.capacity, history.capacity_bps};
}

}  // namespace quantring
