#pragma once
// Text files that a command writes: whole or not at all.

#include <string>

namespace quantring::apps {

// Throws Error naming the file where write_text_file could not put one, so that it is said before
// the work and not after it: no folder that can be written to, or something other than a plain file
// has that name.
void check_writable(const std::string& path);

// Replaces a file of that name in one step; a link to a file stands for that file. Throws Error
// naming the file, and leaves what was there.
void write_text_file(const std::string& path, const std::string& text);

}  // namespace quantring::apps
