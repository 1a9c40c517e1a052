#pragma once
// Text files as people save them.

#include <cstddef>
#include <string>
#include <vector>

namespace quantring {

// The lines as UTF-8 without their ends (\n, \r\n or \r). Read are UTF-8 with and without a byte
// order mark, UTF-16 (Excel's "Unicode text"), and what is neither as Windows-1252. Throws Error if
// the file cannot be read, is empty, not text, or larger than 256 MiB.
std::vector<std::string> read_text_lines(const std::string& path);

// The length of the blank that begins at a place: a space, a tab, a no-break space as web pages and
// office programs have them, or a byte order mark. 0: none.
std::size_t blank_length(const std::string& text, std::size_t at);

// Without such blanks at both ends.
std::string trimmed(const std::string& text);

}  // namespace quantring
