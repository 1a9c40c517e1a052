#pragma once
// Text files as people save them.

#include <string>
#include <vector>

namespace quantring {

// The lines as UTF-8 without their ends (\n, \r\n or \r). Read are UTF-8 with and without a byte
// order mark, UTF-16 (Excel's "Unicode text"), and what is neither as Windows-1252. Throws Error if
// the file cannot be read, is empty, not text, or larger than 256 MiB.
std::vector<std::string> read_text_lines(const std::string& path);

// Without blanks and tabs at both ends.
std::string trimmed(const std::string& text);

}  // namespace quantring
