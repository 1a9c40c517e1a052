#pragma once
// Tables for a terminal.

#include <string>
#include <vector>

namespace quantring::weights {

enum class Align { left, right };

// Columns are as wide as their widest cell and two spaces apart; no spaces at the end of a line.
// align may be shorter than a row: its last element then counts for the remaining columns. Control
// characters, which names in a malicious file may have, become '?'.
std::string text_table(const std::vector<std::vector<std::string>>& rows,
                       const std::vector<Align>& align);

}  // namespace quantring::weights
