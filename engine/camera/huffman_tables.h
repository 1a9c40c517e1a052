#pragma once
// Cameras leave the Huffman tables out of their JPEGs where they are the usual ones.

#include <cstddef>
#include <vector>

namespace quantring {

// Inserts the tables of ITU T.81, annex K.3, before the first scan of a baseline JPEG that defines
// none, as AVI's MJPG and USB cameras send it. Anything else is left as it is.
void add_missing_huffman_tables(std::vector<std::byte>& jpeg);

}  // namespace quantring
