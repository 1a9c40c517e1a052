#pragma once
// Tables for a terminal.

#include <string>
#include <vector>

namespace quantring::weights {

enum class Align { left, right };

// Columns as wide as their widest cell, two blanks between them, no blanks at a line's end; align
// may name fewer columns than there are: the rest are aligned as its last. Control characters,
// which a hostile file's names could hold, are shown as '?'.
std::string text_table(const std::vector<std::vector<std::string>>& rows,
                       const std::vector<Align>& align);

}  // namespace quantring::weights
