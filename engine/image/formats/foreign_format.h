#pragma once
// Names files that are no pictures that can be read.

#include <cstddef>
#include <span>
#include <string>

namespace quantring {

// What the file is and what to do about it, for an error text behind the file's name: "a HEIC
// picture, as iPhones take them: convert it, ...". Empty if it is not known.
std::string foreign_format(std::span<const std::byte> file);

}  // namespace quantring
