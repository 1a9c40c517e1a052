#include "apps/camera/live_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "apps/report/time_text.h"
#include "net/wire/address.h"

namespace quantring::apps {

std::string status_line(const LiveStatus& status) {
  std::string line = fmt::format("{:.1f} images/s  {} images  {} dropped  {:.0f} ms (p95 {:.0f})",
                                 status.images_per_s, status.images, status.feed.dropped,
                                 1e3 * status.latency_p50_s, 1e3 * status.latency_p95_s);
  if (!status.links.empty()) {
    std::string bits;
    line += "  Mbit/s";
    for (const LiveLink& link : status.links) {
      line += fmt::format(" {:.1f}", link.mbps);
      bits += fmt::format(" {:.3g}", link.bits);
    }
    line += "  bits" + bits;
  }
  if (status.state != "running") line += "  " + status.state;
  if (!status.feed.error.empty()) line += "  " + status.feed.error;
  return line;
}

LiveAnswer live_answer(const Answer& answer, const std::vector<std::string>& labels,
                       std::chrono::steady_clock::time_point taken,
                       std::chrono::steady_clock::time_point now) {
  LiveAnswer live;
  live.time = rfc3339(taken);
  live.frame = answer.name;
  live.latency_s = std::chrono::duration<double>(now - taken).count();
  if (answer.label >= 0) live.true_class = class_name(answer.label, labels);
  for (const Prediction& each : answer.top) {
    live.top.push_back({each.index, class_name(each.index, labels), each.probability});
  }
  return live;
}

std::string page_url(const std::string& listen, std::uint16_t port) {
  net::Address address = net::parse_address(listen);
  address.port = port;
  if (address.host == "0.0.0.0" || address.host == "::") {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0') {
      address.host = name.data();
    }
  }
  return "http://" + net::address_text(address) + "/";
}

}  // namespace quantring::apps
