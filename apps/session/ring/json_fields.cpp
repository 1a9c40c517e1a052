#include "apps/session/ring/json_fields.h"

namespace quantring {

using nlohmann::ordered_json;

ordered_json known(double value) {
  return value > 0 ? ordered_json(value) : ordered_json(nullptr);
}

const char* capacity_name(net::Capacity capacity) {
  switch (capacity) {
    case net::Capacity::at_least:
      return "at least";
    case net::Capacity::measured:
      return "measured";
    case net::Capacity::unknown:
      break;
  }
  return "unknown";
}

}  // namespace quantring
