#pragma once
// Wall-clock time for other programs.

#include <chrono>
#include <string>

namespace quantring::apps {

// RFC 3339, UTC, milliseconds: "2024-02-29T23:59:59.042Z".
std::string rfc3339(std::chrono::system_clock::time_point time);

// Of a moment of the clock that measures durations, as the wall clock is set now.
std::string rfc3339(std::chrono::steady_clock::time_point time);

}  // namespace quantring::apps
