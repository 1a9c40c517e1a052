#pragma once
// Output files of the commands, written atomically.

#include <string>

namespace quantring::apps {

// To be called before long work. Throws Error naming the file if write_text_file could not write
// it: the folder is missing or not writable, or the name is that of something other than a plain
// file.
void check_writable(const std::string& path);

// Replaces the file in one step; follows a symbolic link. Throws Error naming the file, which is
// then unchanged.
void write_text_file(const std::string& path, const std::string& text);

}  // namespace quantring::apps
