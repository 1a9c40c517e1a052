#include "apps/doctor/machine/power_mode.h"

#include <charconv>
#include <limits>

namespace quantring::apps {
namespace {

// The text after `key` up to white space; empty without the key.
std::string word_after(const std::string& line, const std::string& key) {
  const auto at = line.find(key);
  if (at == std::string::npos) return {};
  const auto begin = at + key.size();
  return line.substr(begin, line.find_first_of(" \t>\r", begin) - begin);
}

int leading_number(const std::string& text, int fallback) {
  int number = fallback;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// "MAXN" and "MAXN_SUPER" have no limit; "15W", "30W_ALL" name theirs.
int watts(const std::string& name) {
  constexpr int unlimited = std::numeric_limits<int>::max();
  if (name == "MAXN_SUPER") return unlimited;
  if (name.starts_with("MAXN")) return unlimited - 1;
  return name.find('W') == std::string::npos ? 0 : leading_number(name, 0);
}

}  // namespace

PowerModes read_power_modes(const SystemFiles& system) {
  PowerModes modes;
  int now = -1;
  for (const std::string& line : lines_of(system.text("/etc/nvpmodel.conf").value_or(""))) {
    if (line.empty() || line[0] != '<') continue;  // "< POWER_MODEL ID=0 NAME=MAXN >"
    if (line.find("POWER_MODEL") != std::string::npos) {
      modes.all.push_back({leading_number(word_after(line, "ID="), -1), word_after(line, "NAME=")});
    } else if (line.find("PM_CONFIG") != std::string::npos) {
      now = leading_number(word_after(line, "DEFAULT="), -1);
    }
  }
  const std::string status = system.text("/var/lib/nvpmodel/status").value_or("");  // "pmode:0002"
  if (const std::string mode = word_after(status, "pmode:"); !mode.empty()) {
    now = leading_number(mode, now);
  }
  for (const PowerMode& mode : modes.all) {
    if (mode.id == now) modes.now = mode;
    if (!modes.best || watts(mode.name) > watts(modes.best->name)) modes.best = mode;
  }
  if (!modes.now && now >= 0) modes.now = PowerMode{now, {}};
  return modes;
}

}  // namespace quantring::apps
