#pragma once
// Other programs, asked whether they work.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace quantring::apps {

bool in_path(const std::string& program);

// Exit status of a program that is looked for in PATH, its output thrown away; nothing when it does
// not exist, was ended by a signal, or ran past the limit and was killed.
std::optional<int> exit_status(const std::vector<std::string>& command,
                               std::chrono::milliseconds limit);

}  // namespace quantring::apps
