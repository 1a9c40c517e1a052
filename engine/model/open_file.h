#pragma once
// Opens a file that the user named.

#include <filesystem>
#include <fstream>

namespace quantring {

// For reading, binary. Throws Error naming the file if it is missing, unreadable, or not a regular
// file: a pipe could block, a device might have no end.
std::ifstream open_file(const std::filesystem::path& path);

}  // namespace quantring
