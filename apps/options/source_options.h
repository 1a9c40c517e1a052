#pragma once
// The pictures that a command works on.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace quantring::apps {

// sources: as for FileFrames.
inline CLI::Option* add_sources(CLI::App& command, std::vector<std::string>& sources) {
  return command.add_option("source", sources,
                            "Pictures, folders, glob patterns, IDX files (plain or .gz), - for "
                            "pictures on standard input; any number of them");
}

// text: PassedOver::text.
inline void say_passed_over(const std::string& text) {
  if (!text.empty()) fmt::print(stderr, "{}\n", text);
}

}  // namespace quantring::apps
