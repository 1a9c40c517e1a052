#pragma once
// Files that a person names, opened for reading.

#include <filesystem>
#include <fstream>

namespace quantring {

// Throws Error naming the file if it is missing, cannot be read, or is no regular file: a pipe
// would wait for its writer, a device might never end.
std::ifstream open_file(const std::filesystem::path& path);

}  // namespace quantring
