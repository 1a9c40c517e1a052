#pragma once
// A run of `camera` in words, and its answers as the page wants them.

#include <cstdint>
#include <string>
#include <vector>

#include "apps/camera/live_status.h"
#include "apps/report/output.h"

namespace quantring::apps {

// "14.9 images/s  412 images  3 dropped  41 ms (p95 66)  Mbit/s 18.1 4.8 4.8 0.1  bits 8 4 4 32"
std::string status_line(const LiveStatus& status);

LiveAnswer live_answer(const Answer& answer, const std::vector<std::string>& labels,
                       std::uint64_t number, double latency_s);

// Where a browser on this machine, or when all addresses are listened on another one, finds it.
std::string page_url(const std::string& listen, std::uint16_t port);

}  // namespace quantring::apps
