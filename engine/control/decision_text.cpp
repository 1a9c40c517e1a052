#include "engine/control/decision_text.h"

#include <fmt/format.h>

namespace quantring {

std::string three_digits(double value) {
  return value >= 999.5 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string mbits_text(double bits_per_second) {
  return three_digits(bits_per_second / 1e6);
}

}  // namespace quantring
