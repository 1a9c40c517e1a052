#pragma once
// A look through a JPEG file before stb_image gets it.

#include <cstddef>
#include <span>

namespace quantring {

// False if a Huffman table of the file counts more than the 256 codes that the format allows (ITU
// T.81, B.2.4.2): stb_image 2.27, which Ubuntu 22.04 and Debian 12 ship, writes beyond its tables
// then. Finds the same segments that stb finds. True for anything that is no JPEG.
bool huffman_tables_fit(std::span<const std::byte> file);

}  // namespace quantring
