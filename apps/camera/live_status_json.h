#pragma once
// LiveStatus and related types as compact JSON objects. null: unknown. Invalid UTF-8 becomes
// U+FFFD.

#include <deque>
#include <string>

#include "apps/camera/live_status.h"

namespace quantring::apps {

// answer: the last one, or null; it becomes "answer".
std::string live_status_json(const LiveStatus& status, const LiveAnswer* answer);
// The same without "answer".
std::string live_status_json(const LiveStatus& status);
std::string live_answer_json(const LiveAnswer& answer);
// {"points": [...]}, oldest first.
std::string live_history_json(const std::deque<LivePoint>& points);

LivePoint point_of(const LiveStatus& status);

}  // namespace quantring::apps
