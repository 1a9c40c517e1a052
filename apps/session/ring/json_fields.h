#pragma once
// Fields that several commands write into their JSON.

#include <string>

#include "net/wire/stats.h"
#include "ops/base/json_fields.h"

namespace quantring {

nlohmann::ordered_json known(double value);         // null for 0, which means unknown
const char* capacity_name(net::Capacity capacity);  // "measured", "at least", "unknown"

}  // namespace quantring
