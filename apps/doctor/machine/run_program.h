#pragma once
// Runs other programs to see whether they work.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace quantring::apps {

bool in_path(const std::string& program);

// Runs a program of PATH without its output. Its exit status; nothing if it does not exist, was
// ended by a signal, or was killed at the time limit.
std::optional<int> exit_status(const std::vector<std::string>& command,
                               std::chrono::milliseconds limit);

}  // namespace quantring::apps
