#pragma once
// Texts of a run of `camera`, and its answers for the page.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/camera/live_status.h"
#include "apps/report/output.h"

namespace quantring::apps {

// "14.9 images/s  412 images  3 dropped  41 ms (p95 66)  Mbit/s 18.1 4.8 4.8 0.1  bits 8 4 4 32"
std::string status_line(const LiveStatus& status);

// taken: when the frame arrived. number and source are left to the caller.
LiveAnswer live_answer(const Answer& answer, const std::vector<std::string>& labels,
                       std::chrono::steady_clock::time_point taken,
                       std::chrono::steady_clock::time_point now);

// The page's URL: for other machines when it listens on all addresses, else for this one.
std::string page_url(const std::string& listen, std::uint16_t port);

}  // namespace quantring::apps
