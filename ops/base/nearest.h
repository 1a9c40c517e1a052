#pragma once
// The known word nearest to a mistyped one.

#include <string>
#include <string_view>
#include <vector>

namespace quantring {

// The known word that differs from this one by few typing errors (a letter too many, missing, wrong
// or swapped), or of which one is the beginning of the other; empty if there is none.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace quantring
